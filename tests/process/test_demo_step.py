"""`demo --step` waits for a person before each scene: at a real terminal, and without one."""

import sys
from pathlib import Path

import pytest

from projects_mcp.cli.demo.story import SCENES
from tests.support.process import run_command
from tests.support.terminal import AtTerminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is one of Unix")

PLAIN = {"NO_COLOR": "1"}
PAUSE = "Press Enter to go on."
ALL_WENT = f"All {len(SCENES)} scenes went as they should."


def heading(number: int) -> str:
    return f"{number:>2}  {SCENES[number - 1].heading[:30]}"


def test_each_press_of_enter_shows_one_more_scene() -> None:
    person = AtTerminal(["demo", "--step"], PLAIN)
    for number in range(1, len(SCENES) + 1):
        person.wait_for(PAUSE, times=number)
        assert heading(number) not in person.shown
        person.type("")
        person.wait_for(heading(number))
    assert person.end() == 0
    assert ALL_WENT in person.shown
    assert person.shown.count(PAUSE) == len(SCENES)


@pytest.mark.parametrize("scenes", [0, 2])
def test_ctrl_c_at_a_pause_ends_it_at_once(scenes: int) -> None:
    person = AtTerminal(["demo", "--step"], PLAIN)
    for number in range(1, scenes + 1):
        person.wait_for(PAUSE, times=number)
        person.type("")
    person.wait_for(PAUSE, times=scenes + 1)
    person.interrupt()
    assert person.end() == 130, person.shown
    assert "Traceback" not in person.shown
    assert "projects-mcp demo: Interrupted. Nothing was changed." in person.shown
    assert heading(scenes + 1) not in person.shown


def test_the_end_of_the_input_is_the_last_pause() -> None:
    person = AtTerminal(["demo", "--step"], PLAIN)
    person.wait_for(PAUSE)
    person.press("\x04")
    assert person.end() == 0, person.shown
    assert person.shown.count(PAUSE) == 1
    assert ALL_WENT in person.shown


def test_whatever_is_redirected_the_person_at_the_terminal_is_waited_for(tmp_path: Path) -> None:
    out = tmp_path / "out"
    person = AtTerminal(["demo", "--step"], PLAIN, stdout=str(out))
    for number in range(1, len(SCENES) + 1):
        person.wait_for(PAUSE, times=number)
        person.type("")
    assert person.end() == 0
    shown = out.read_text(encoding="utf-8")
    assert PAUSE not in shown
    assert ALL_WENT in shown


def test_without_a_terminal_it_is_refused_and_shows_nothing() -> None:
    done = run_command(["setsid", sys.executable, "-m", "projects_mcp", "demo", "--step"])
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr == "projects-mcp demo: --step waits for the Enter key at a terminal, and this process has none.\n"
    )
