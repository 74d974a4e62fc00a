"""Names are the field's: the words of a former dialect stay out of modules, classes, functions and parameters.

Each word has become the term of the MCP specification, of
HTTP or of PostHog. Constants and local names are free.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from dev.environments import ROOT

FILES = sorted(file for folder in ("src", "tests", "dev") for file in (ROOT / folder).rglob("*.py"))

NEVER = frozenset(
    [
        "admission",
        "announce",
        "announced",
        "dispatcher",
        "examination",
        "funnel",
        "granting",
        "impatient",
        "journal",
        "patience",
        "probing",
        "situation",
        "switchboard",
        "vault",
        "wording",
        "workbench",
    ]
)
"""In no name of any kind, not even as a part of it."""

NO_MODULE = frozenset(
    [
        "answer",
        "conform",
        "echo",
        "evidence",
        "faults",
        "foreign",
        "front",
        "grants",
        "hands",
        "learn",
        "look",
        "means",
        "net",
        "nets",
        "note",
        "number",
        "offered",
        "proof",
        "reach",
        "receipts",
        "script",
        "seen",
        "shaping",
        "sign",
        "taken",
        "turns",
        "web",
    ]
)
NO_CLASS = frozenset(
    [
        "Allowance",
        "Answer",
        "AnswerLost",
        "AnswerUnusable",
        "Call",
        "Echo",
        "Evidence",
        "Front",
        "Grant",
        "Hands",
        "Impatient",
        "Loss",
        "Means",
        "NotSent",
        "Patient",
        "Person",
        "Question",
        "Rejected",
        "ServerFault",
        "SpentAnswers",
        "Target",
        "Throttled",
        "TurnedAway",
        "Turns",
        "Visit",
        "WriteLost",
    ]
)
NO_FUNCTION = frozenset(
    [
        "alone",
        "allowance",
        "compact",
        "conform",
        "described",
        "echo",
        "entered",
        "evidence",
        "finished",
        "foreign",
        "hands",
        "hidden",
        "learn",
        "look",
        "means",
        "net",
        "offered",
        "person",
        "pick",
        "proof",
        "published",
        "reach",
        "seen",
        "shaping",
        "sign",
        "taken",
        "turns",
        "warnings",
    ]
)
NO_PARAMETER = frozenset(["echo", "evidence", "grants", "hands", "means", "person", "turns"])


class Name(NamedTuple):
    """A name that a file gives to something of its own."""

    kind: str
    text: str
    line: int

    @property
    def bare(self) -> str:
        return self.text.strip("_")

    @property
    def words(self) -> set[str]:
        """The words that it is made of, in small letters."""
        return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", self.text)}

    @property
    def vanished(self) -> bool:
        forbidden = {"module": NO_MODULE, "class": NO_CLASS, "function": NO_FUNCTION, "parameter": NO_PARAMETER}
        return bool(self.words & NEVER) or self.bare in forbidden[self.kind]


def names_of(file: Path) -> Iterator[Name]:
    """Every module, class, function, method and parameter that a file names."""
    yield Name("module", file.parent.name if file.stem == "__init__" else file.stem, 1)
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            yield Name("class", node.name, node.lineno)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Name("function", node.name, node.lineno)
        elif isinstance(node, ast.arg):
            yield Name("parameter", node.arg, node.lineno)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_name_is_of_the_former_dialect(file: Path) -> None:
    assert [f"{name.kind} {name.text}, line {name.line}" for name in names_of(file) if name.vanished] == []


def test_a_word_is_found_in_every_form() -> None:
    for text in ("Switchboard", "_present_funnel", "PatienceS", "HTTPJournal", "announced"):
        assert Name("function", text, 1).vanished, text
    assert Name("class", "_Visit", 1).vanished
    assert not Name("function", "call_tool", 1).vanished
