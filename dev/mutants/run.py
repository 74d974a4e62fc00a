"""Run the tests of mutants, each in a copy of the checkout. The checkout itself is never written to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from dev.mutants.mutant import Mutant, StaleError
from dev.processes import run, without_settings

__all__ = ["AT_ONCE", "TIMEOUT_S", "Result", "Verdict", "check_unbroken", "run_mutants"]

AT_ONCE: Final = 2
"""Mutants that are tried at a time."""
TIMEOUT_S: Final = 180.0
"""Seconds for the tests of one mutant, which take some seconds."""
_ALL_TIMEOUT_S: Final = 1_800.0
"""Seconds for the tests of all mutants on the code as it is."""
_COPIED: Final = ("src", "tests", "dev", "deploy", "docs", "assets")
"""Folders of the checkout that tests read, besides the files at its root."""
_PYTEST: Final = (sys.executable, "-m", "pytest", "-q", "-x", "-rfE", "-p", "no:cacheprovider", "--tb=line")
_PASSED: Final = 0
_FAILED: Final = 1
"""The exit codes of pytest: all tests passed, and some failed. Any other means that it could not tell."""


class Verdict(StrEnum):
    """What became of a mutant. Only FOUND is as it should be."""

    FOUND = "found"
    NOT_FOUND = "NOT FOUND"
    STALE = "no longer applies"
    NO_END = "did not end in time"
    BROKEN = "could not be tried"


class Result(NamedTuple):
    """A verdict, and the line that says most about it."""

    mutant: Mutant
    verdict: Verdict
    said: str


def run_mutants(
    root: Path, mutants: Sequence[Mutant], tell: Callable[[Result], None], *, timeout_s: float = TIMEOUT_S
) -> list[Result]:
    """Try mutants, a few at a time, and return what became of them in their order.

    Args:
        root: of the checkout.
        mutants: what is tried.
        tell: is called with each result as it comes, from several threads.
        timeout_s: for the tests of one mutant.
    """
    with TemporaryDirectory(prefix="mutants-") as folder:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(min(AT_ONCE, len(mutants))):
            copies.put(_copy(root, Path(folder) / str(number)))

        def attempt(mutant: Mutant) -> Result:
            copy = copies.get()
            try:
                result = Result(mutant, *_try(copy, mutant, timeout_s))
            finally:
                copies.put(copy)
            tell(result)
            return result

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(attempt, mutants))


def check_unbroken(root: Path, mutants: Sequence[Mutant]) -> str:
    """Run the tests of all mutants on the code as it is, and return what failed; empty if nothing did.

    A test that fails anyway finds nothing.
    """
    tests = list(dict.fromkeys(test for mutant in mutants for test in mutant.tests))
    with TemporaryDirectory(prefix="mutants-") as folder:
        code, said = _pytest(_copy(root, Path(folder) / "unbroken"), tests, _ALL_TIMEOUT_S)
    return "" if code == _PASSED else said or f"pytest ended with {code}"


def _try(copy: Path, mutant: Mutant, timeout_s: float) -> tuple[Verdict, str]:
    try:
        with _broken(copy, mutant):
            code, said = _pytest(copy, mutant.tests, timeout_s)
    except StaleError as error:
        return Verdict.STALE, str(error)
    if code is None:
        return Verdict.FOUND if mutant.hangs else Verdict.NO_END, f"did not end within {said}"
    return {_PASSED: Verdict.NOT_FOUND, _FAILED: Verdict.FOUND}.get(code, Verdict.BROKEN), said


@contextmanager
def _broken(copy: Path, mutant: Mutant) -> Iterator[None]:
    """Take the behaviour away while the block runs."""
    file = copy / mutant.file
    if not file.is_file():
        raise StaleError(f"there is no file {mutant.file}")
    before = file.read_bytes()
    file.write_bytes(mutant.apply(before.decode()).encode())
    try:
        yield
    finally:
        file.write_bytes(before)


def _pytest(copy: Path, tests: Sequence[str], timeout_s: float) -> tuple[int | None, str]:
    """Run tests with the package of a copy, and return the exit code and the line that says most.

    The copy comes before the installed package, also for the processes that the tests start. No bytecode is kept: a
    file that changes twice within a second, and not in length, would be taken for the former one.
    """
    path = os.pathsep.join(map(str, (copy / "src", copy)))
    environment = {**without_settings(), "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = run([*_PYTEST, *tests], environment=environment, folder=copy, timeout_s=timeout_s)
    except subprocess.TimeoutExpired:
        return None, f"{timeout_s:g} seconds"
    return done.returncode, _last_line(done.stdout) or _last_line(done.stderr)


def _last_line(text: str) -> str:
    """Return the line that names what failed, or the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if line.startswith(("FAILED ", "ERROR "))), lines[-1] if lines else "")


def _copy(root: Path, to: Path) -> Path:
    to.mkdir()
    for file in root.iterdir():
        if file.is_file():
            shutil.copy2(file, to / file.name)
    for folder in _COPIED:
        if (root / folder).is_dir():
            shutil.copytree(root / folder, to / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return to
