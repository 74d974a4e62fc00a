"""The table of mutants stays true: each still applies, and names tests that are there. `make mutants` tries them."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from dev.environments import ROOT
from dev.mutants.mutant import Mutant
from dev.mutants.run import Verdict, check_unbroken, run_mutants
from dev.mutants.table import TABLE

MUTANTS = {mutant.name: mutant for mutants in TABLE.values() for mutant in mutants}
SOUND = "def double(number: int) -> int:\n    return number * 2\n"
TEST = "from projects_mcp.small import double\n\n\ndef test_it() -> None:\n    assert double(3) == 6\n"
RIGHT, UNSEEN = ("number * 2", "number * 3"), ("number * 2", "number + number")


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_applies_to_the_code_as_it_is(name: str) -> None:
    mutant = MUTANTS[name]
    broken = mutant.apply((ROOT / mutant.file).read_text(encoding="utf-8"))
    if mutant.file.endswith(".py"):
        ast.parse(broken)


@pytest.mark.parametrize("name", MUTANTS)
def test_its_tests_are_there(name: str) -> None:
    for test in MUTANTS[name].tests:
        file, _, function = test.partition("::")
        text = (ROOT / file).read_text(encoding="utf-8")
        assert not function or f"def {function}(" in text or f"\n{function} = " in text, test
    assert MUTANTS[name].tests


def test_each_promise_has_mutants_and_each_mutant_its_own_name() -> None:
    assert all(TABLE.values())
    names = Counter(mutant.name for mutants in TABLE.values() for mutant in mutants)
    assert [name for name, times in names.items() if times > 1] == []


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small checkout, with one function and its test."""
    for file, text in {
        "src/projects_mcp/small.py": SOUND,
        "tests/test_small.py": TEST,
        "pytest.ini": "[pytest]",
    }.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text, encoding="utf-8")
    (tmp_path / "src/projects_mcp/__init__.py").write_text("", encoding="utf-8")
    return tmp_path


def mutant(
    name: str, change: tuple[str, str], *, tests: str = "tests/test_small.py", file: str = "src/projects_mcp/small.py"
) -> Mutant:
    return Mutant(name, file, *change, (tests,))


def test_the_runner_tells_what_became_of_each_and_leaves_the_checkout_alone(checkout: Path) -> None:
    tried = {
        Verdict.FOUND: mutant("found", RIGHT),
        Verdict.NOT_FOUND: mutant("unseen", UNSEEN),
        Verdict.STALE: mutant("stale", ("number * 4", "number * 3")),
        Verdict.BROKEN: mutant("without tests", RIGHT, tests="tests/test_none.py"),
    }
    told: list[str] = []
    results = run_mutants(checkout, list(tried.values()), lambda result: told.append(result.mutant.name))
    assert [result.verdict for result in results] == list(tried)
    assert sorted(told) == sorted(one.name for one in tried.values())
    assert (checkout / "src/projects_mcp/small.py").read_text(encoding="utf-8") == SOUND


@pytest.mark.parametrize(
    "stale",
    [
        mutant("twice", ("number", "digits")),
        mutant("nothing", ("number * 2", "number * 2")),
        mutant("no file", RIGHT, file="src/projects_mcp/gone.py"),
    ],
    ids=lambda stale: stale.name,
)
def test_what_no_longer_applies_is_a_failure(checkout: Path, stale: Mutant) -> None:
    (result,) = run_mutants(checkout, [stale], lambda _result: None)
    assert result.verdict is Verdict.STALE


def test_what_does_not_end_is_a_failure(checkout: Path) -> None:
    endless = mutant("endless", ("return number * 2", "while True: pass"))
    results = run_mutants(checkout, [endless, endless._replace(hangs=True)], lambda _result: None, timeout_s=3)
    assert [result.verdict for result in results] == [Verdict.NO_END, Verdict.FOUND], "where that is what it does"


def test_a_test_that_fails_anyway_finds_nothing(checkout: Path) -> None:
    assert check_unbroken(checkout, [mutant("found", RIGHT)]) == ""
    (checkout / "tests/test_small.py").write_text(TEST.replace("6", "7"), encoding="utf-8")
    assert "test_it" in check_unbroken(checkout, [mutant("found", RIGHT)])
