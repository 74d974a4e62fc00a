"""Counts tokens of `o200k_base`, in an environment of its own, since no subject needs that."""

import json
import subprocess
from collections.abc import Sequence

from dev.bench.environments import environment

__all__ = ["count"]

_PROGRAM = """
import json, sys
from rs_bpe.bpe import openai
encoding = openai.o200k_base()
print(json.dumps([encoding.count(text) for text in json.load(sys.stdin)]))
"""
_TIMEOUT_S = 120


def count(texts: Sequence[str]) -> list[int] | None:
    """Return how many tokens each text is; None where they cannot be counted."""
    counter = environment("tokens")
    if counter.missing:
        return None
    done = subprocess.run(
        [str(counter.python), "-c", _PROGRAM],
        input=json.dumps(list(texts)),
        capture_output=True,
        text=True,
        check=True,
        timeout=_TIMEOUT_S,
    )
    counts: list[int] = json.loads(done.stdout)
    return counts
