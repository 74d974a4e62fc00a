"""The official checks run side by side: each gate's lines stay together, and none that fails is passed over."""

import re
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dev import environments
from dev.conformance import __main__ as official
from dev.environments import UnavailableError, make_folder
from dev.gate import FailedError
from dev.toolbox import Toolbox
from tests.support.waiting import PATIENCE_S


def gate(outcome: Sequence[str] | Exception, beside: threading.Barrier | None = None) -> Callable[[Toolbox], object]:
    def run(_box: Toolbox) -> Sequence[str]:
        if beside is not None:
            beside.wait(PATIENCE_S)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return run


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    monkeypatch.setattr(official, "CACHE", tmp_path)
    monkeypatch.delenv("OFFICIAL", raising=False)

    def main(*arguments: str, **gates: Callable[[Toolbox], object]) -> int:
        monkeypatch.setattr(official, "GATES", gates)
        return official.main(arguments)

    return main


def test_two_gates_run_at_a_time_and_their_lines_are_not_mixed(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    pair = threading.Barrier(2)
    said = {name: [f"{name} said {number}" for number in range(20)] for name in ("one", "two")}
    assert run(one=gate(said["one"], pair), two=gate(said["two"], pair)) == 0
    printed = re.sub(r" \(\d+ s\)", "", capsys.readouterr().out)
    for name, lines in said.items():
        assert "\n".join([f"{name}: passed", *(f"  {line}" for line in lines)]) in printed
    assert printed.endswith("\n\n2 passed\n")


def test_a_gate_that_fails_is_named_at_the_end(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    wrong, odd, away = FailedError("found it\nand more"), KeyError("result"), UnavailableError("no such tool")
    gates = {"first": gate(["fine"]), "second": gate(wrong), "third": gate(odd), "fourth": gate(away)}
    assert run(**gates) == 1
    end = capsys.readouterr().out.partition("\n\n")[2].splitlines()
    assert end == [
        "1 passed, 2 FAILED, 1 NOT RUN",
        "FAILED: second: found it",
        "FAILED: third: its answer was not understood: KeyError('result')",
    ]


@pytest.mark.parametrize(("arguments", "code"), [((), 0), (("--require",), 1)])
def test_a_tool_that_cannot_be_had_fails_where_it_is_required(
    run: Callable[..., int], arguments: tuple[str, ...], code: int
) -> None:
    assert run(*arguments, only=gate(UnavailableError("no such tool"))) == code


def test_a_folder_is_made_once_for_all_who_want_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(environments, "CACHE", tmp_path)
    filling, fills, found = threading.Event(), [], []

    def fill(folder: Path) -> None:
        fills.append(folder)
        filling.set()
        time.sleep(0.3)  # whoever does not wait is here by now
        (folder / "tool").touch()

    def want() -> None:
        found.append((make_folder("tools", "tool==1", fill) / "tool").exists())

    wanting = [threading.Thread(target=want) for _ in range(3)]
    wanting[0].start()
    assert filling.wait(PATIENCE_S)
    for thread in wanting[1:]:
        thread.start()
    for thread in wanting:
        thread.join(PATIENCE_S)
    assert (len(fills), found) == (1, [True, True, True])
