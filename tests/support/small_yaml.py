"""Files of YAML, read without a parser of it: the small part that they are written in."""

import json
import re
from typing import Any

from tests.support.documents import text_of


def yaml_documents(name: str) -> list[dict[str, Any]]:
    """The documents of a file of this repository."""
    lines = [line for line in text_of(name).splitlines() if not re.match(r"\s*(#|$)", line)]
    parts = "\n".join(lines).split("\n---\n")
    return [_block(part.splitlines()) for part in parts]


def _block(lines: list[str]) -> Any:
    """Read lines that begin at the same depth, or deeper."""
    depth = _depth(lines[0])
    starts = [at for at, line in enumerate(lines) if _depth(line) == depth]
    groups = [lines[start:end] for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]
    assert starts[0] == 0
    if lines[0].lstrip().startswith("- "):
        return [_item([group[0].replace("- ", "  ", 1), *group[1:]]) for group in groups]
    pairs = [re.fullmatch(r"([\w./-]+):(?: (.+))?", group[0].strip()) for group in groups]
    assert None not in pairs, lines
    keys = [pair[1] for pair in pairs if pair]
    assert len(set(keys)) == len(keys), "no key stands twice"
    values = [
        _scalar(pair[2]) if pair[2] else _block(group[1:]) for pair, group in zip(pairs, groups, strict=True) if pair
    ]
    return dict(zip(keys, values, strict=True))


def _item(lines: list[str]) -> Any:
    return _block(lines) if re.match(r"\s*[\w./-]+:( |$)", lines[0]) else _scalar(lines[0].strip())


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _scalar(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
