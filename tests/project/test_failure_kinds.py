"""docs/failures.md has a row for each kind of failure, and each row says what the code does."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple, get_args

import pytest

from dev.environments import ROOT
from projects_mcp.api.effects import Effect
from projects_mcp.cli import exit_codes
from projects_mcp.errors.explain import explain, explain_unexpected
from projects_mcp.errors.kinds import CallKind, CommandKind
from projects_mcp.errors.refusals import Refusal
from projects_mcp.errors.uncertain import WriteUnresolved
from tests.support.documents import text_of
from tests.support.failures import WRITE, failures

CALL_KINDS, COMMAND_KINDS = get_args(CallKind), get_args(CommandKind)
SOURCE = ROOT / "src" / "projects_mcp"
COMPLAINTS = {"complain": 3, "_complain": 1, "complain_at": 3}
"""The place of the kind among the arguments."""
ROWS_OF_WORDS = {"Words", "ForbiddenCause"}
"""What is made of a kind, which comes first, and of words."""


class Row(NamedTuple):
    kind: str
    happened: str
    changed: str
    what_to_do: str
    codes: frozenset[int]


def rows(heading: str) -> list[Row]:
    text = text_of("docs/failures.md").split(f"## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \| ([\d, or]+) \|$", text, flags=re.MULTILINE)
    assert len(found) == text.count("\n|") - 2, "every line is a row"
    codes = [frozenset(map(int, re.findall(r"\d+", cells[-1]))) for cells in found]
    return [Row(kind, what, changed, do, each) for (kind, what, changed, do, _), each in zip(found, codes, strict=True)]


def known() -> Iterator[tuple[str, int, str | None]]:
    """The kind, the exit code and the outcome of every failure of a call, also of one whose request had left."""
    for _, at, failure in failures():
        fixed = isinstance(failure, Refusal | WriteUnresolved)
        for context in [at] if fixed else [at, WRITE, WRITE._replace(write_left=True)]:
            detail = explain(failure, context).detail
            yield detail["kind"], exit_codes.code_of_failure(detail), detail["outcome"]
    for left in (True, False):
        detail = explain_unexpected(WRITE._replace(effect=Effect.CHANGE, write_left=left)).detail
        yield detail["kind"], exit_codes.code_of_failure(detail), detail["outcome"]


def trees() -> Iterator[tuple[str, ast.AST]]:
    for file in SOURCE.rglob("*.py"):
        if "sandbox" not in file.parts and file.name != "kinds.py":
            yield str(file.relative_to(SOURCE)), ast.parse(file.read_text(encoding="utf-8"))


def complaints() -> Iterator[tuple[str, str, int]]:
    """The place, the kind and the exit code of what commands complain of with a kind of their own."""
    for name, tree in trees():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in COMPLAINTS):
                continue
            at = COMPLAINTS[node.func.id]
            kind = node.args[at] if len(node.args) > at else None
            if isinstance(kind, ast.Constant):
                code = node.args[2] if node.func.id == "complain" else ast.Name("FAILED")
                if isinstance(code, ast.Name) and code.id.isupper():
                    yield f"{name}:{node.lineno}", str(kind.value), getattr(exit_codes, code.id)


@pytest.mark.parametrize(
    ("heading", "kinds"), [("Of a call", CALL_KINDS), ("Of a command", COMMAND_KINDS)], ids=["call", "command"]
)
def test_every_kind_has_a_row_and_every_row_a_kind(heading: str, kinds: tuple[str, ...]) -> None:
    found = rows(heading)
    assert [row.kind for row in found] == list(kinds), "in the order of the list"
    for row in found:
        assert row.happened.strip(), row
        assert row.what_to_do.strip(), row
        assert row.changed in {"no", "maybe"} or row.changed.startswith("as "), row


def test_what_a_row_says_of_a_call_is_what_happens() -> None:
    codes, outcomes = defaultdict[str, set[int]](set), defaultdict[str, set[str | None]](set)
    for kind, code, outcome in known():
        codes[kind].add(code)
        outcomes[kind].add(outcome)
    for place, kind, code in complaints():
        assert kind in {*CALL_KINDS, *COMMAND_KINDS}, place
        codes[kind].add(code)
    for row in rows("Of a call"):
        assert codes[row.kind] == row.codes, row
        assert ("unknown" in outcomes[row.kind]) is (row.changed == "maybe"), row


def test_what_a_row_says_of_a_command_is_its_exit_code() -> None:
    codes = defaultdict[str, set[int]](set)
    for _, kind, code in complaints():
        codes[kind].add(code)
    for row in rows("Of a command"):
        assert codes[row.kind] <= row.codes, row
        assert codes[row.kind] or row.kind in text_of_commands(), row


def text_of_commands() -> set[str]:
    """All texts of the source."""
    constants = (node for _, tree in trees() for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {node.value for node in constants if isinstance(node.value, str)}


def test_no_kind_is_given_that_is_not_in_the_list_and_none_of_the_list_is_given_nowhere() -> None:
    listed = {*CALL_KINDS, *COMMAND_KINDS}
    given = {kind: place for place, kind, _ in complaints()}
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ROWS_OF_WORDS:
                given |= {str(first.value): name for first in node.args[:1] if isinstance(first, ast.Constant)}
            if isinstance(node, ast.ClassDef) and name.startswith("errors/"):
                given |= dict.fromkeys(kinds_of(node), f"{name}:{node.name}")
    assert {kind: place for kind, place in given.items() if kind not in listed} == {}
    assert listed - text_of_commands() == set()


def kinds_of(found: ast.ClassDef) -> Iterator[str]:
    for node in found.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            yield from [str(node.value.value)] * (names == ["kind"])
