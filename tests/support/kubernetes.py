"""The manifests of deploy/kubernetes.yaml, read without a parser of YAML."""

import json
import re
from typing import Any

from tests.support.documents import text_of


def documents() -> list[dict[str, Any]]:
    """The manifests, read as the small part of YAML that they are written in."""
    lines = [line for line in text_of("deploy/kubernetes.yaml").splitlines() if not re.match(r"\s*(#|$)", line)]
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


def of_kind(kind: str) -> dict[str, Any]:
    (found,) = (document for document in documents() if document["kind"] == kind)
    return found


def pod() -> dict[str, Any]:
    value: dict[str, Any] = of_kind("Deployment")["spec"]["template"]["spec"]
    return value


def container() -> dict[str, Any]:
    (value,) = pod()["containers"]
    return dict(value)
