"""Counts tokens of `o200k_base`, in an environment of its own, since no subject needs that."""

import json
from collections.abc import Sequence

from dev.bench.subjects import subject
from dev.processes import run

__all__ = ["count"]

_PROGRAM = """
import json, sys
from rs_bpe.bpe import openai
encoding = openai.o200k_base()
print(json.dumps([encoding.count(text) for text in json.load(sys.stdin)]))
"""


def count(texts: Sequence[str]) -> list[int] | None:
    """Return how many tokens each text is; None where they cannot be counted."""
    counter = subject("tokens")
    if counter.missing:
        return None
    done = run([counter.python, "-c", _PROGRAM], stdin=json.dumps(list(texts)))
    done.check_returncode()
    counts: list[int] = json.loads(done.stdout)
    return counts
