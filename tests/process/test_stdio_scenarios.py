"""Processes that are spoken to in every way: two lanes come to what the SDK alone comes to."""

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.support.lane_endings import ENDINGS
from tests.support.lane_scenarios import ALIKE
from tests.support.lane_steps import converse
from tests.support.lanes import LEGACY, MODERN

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and asks the kernel for what is caught")

EVERY = {**ALIKE, **ENDINGS}
USUAL = {
    "plain, one for the SDK and plain again, all at once": "modern",
    "plain ones while it is imported": "legacy",
    "a destructive tool, and the end of the input while it is imported": "modern",
    "a person says accept, and plain calls meanwhile": "legacy",
    "garbage before the opening": "legacy",
    "lines in small pieces": "modern",
    "ids that are numbers, texts and both": "legacy",
    "called off by str before it": "modern",
    "a call of the SDK that is called off while it is imported": "legacy",
    "the end during calls of both lanes": "modern",
    "SIGTERM while it is imported": "legacy",
    "SIGINT during a call of the SDK": "modern",
}
"""Those that `make test` runs too, in one era."""
CASES = [(name, era) for name, scenario in EVERY.items() for era in scenario.eras]


@pytest.mark.parametrize(
    ("name", "era"),
    [
        pytest.param(name, era, marks=() if USUAL.get(name) == era else pytest.mark.long, id=f"{name} ({era})")
        for name, era in CASES
    ],
)
def test_two_lanes_come_to_what_the_sdk_alone_comes_to(name: str, era: str, tmp_path: Path) -> None:
    scenario = EVERY[name]
    steps = scenario.steps(*(MODERN if era == "modern" else LEGACY))
    talk = partial(converse, steps=steps, folder=tmp_path, held=scenario.held, paused=scenario.paused)
    with ThreadPoolExecutor() as pool:
        both, *alone = pool.map(talk, ("on", "off") if scenario.alone else ("on",))
    for outcome in alone:
        for mine, theirs in zip(both, outcome, strict=True):
            assert mine == theirs
    scenario.shows(both)


def test_those_of_every_day_are_among_all() -> None:
    assert USUAL.items() <= set(CASES)
    assert len(EVERY) == len(ALIKE) + len(ENDINGS)
