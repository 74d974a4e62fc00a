"""The code stays easy to enter: no test module leans on another one, and no file grows past a few screens."""

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

import grimp
import pytest

from dev.environments import ROOT

TESTS = sorted(ROOT.glob("tests/**/*.py"))
SHORT = ("src", "tests", "dev")
MOST_LINES = 300
MOST_ROOMS = 18
MOST_LAYERS = 11


def imported_modules(file: Path) -> set[str]:
    """Every module that a file imports, and every name that it imports from one, as if that were a module too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize("file", TESTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_test_module_is_imported(file: Path) -> None:
    ours = {name for name in imported_modules(file) if name.partition(".")[0] == "tests"}
    assert {name for name in ours if any(part.startswith(("test_", "conftest")) for part in name.split("."))} == set()


@pytest.mark.parametrize("folder", SHORT)
def test_a_file_is_no_longer_than_a_reader_can_hold(folder: str) -> None:
    lengths = {
        str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines())
        for file in (ROOT / folder).rglob("*.py")
    }
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_whether_a_stream_is_a_terminal_is_asked_in_one_place() -> None:
    """A closed stream raises where it is asked itself, and a command that asks has a rule of its own for its output."""
    cli = ROOT / "src" / "projects_mcp" / "cli"
    asking: dict[str, set[str]] = {"isatty": set(), "is_terminal": set()}
    for file in cli.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
            if name in asking:
                asking[name].add(str(file.relative_to(cli)))
    assert asking["isatty"] == {"terminal.py", "controlling_terminal.py"}, "the second one asks about a descriptor"
    assert asking["is_terminal"] == {"terminal.py", "output.py", "complaints.py", "main.py"}


def test_the_rooms_are_few_and_stand_in_few_layers() -> None:
    graph = grimp.build_graph("projects_mcp")
    below: dict[str, set[str]] = defaultdict(set)
    for module in graph.modules:
        below[_room(module)] |= {_room(used) for used in graph.find_modules_directly_imported_by(module)}
    assert len(below) <= MOST_ROOMS, sorted(below)

    @cache
    def walk(room: str) -> tuple[str, ...]:
        """The longest way down from a room."""
        return max(((room, *walk(lower)) for lower in below[room] - {room}), key=len, default=(room,))

    assert len(walk("__main__")) <= MOST_LAYERS, walk("__main__")


def _room(module: str) -> str:
    """The folder of the package, or the module in its root, that a module is in."""
    return module.split(".")[1] if "." in module else "__init__"
