"""What `make coverage` measures: examples, and no properties."""

import os
import sys
from inspect import getsourcelines

import pytest
from coverage import Coverage
from hypothesis import given
from hypothesis import strategies as st

from tests.support.forking import FOR_PROCESSES
from tests.support.measuring import is_measured, pause

MEASURING = Coverage.current() is not None
"""Whether this run is measured, as `make coverage` does it."""


def measured_now() -> tuple[bool, bool]:
    """Whether this process is measured, and one that it starts."""
    return sys.gettrace() is not None, FOR_PROCESSES in os.environ


@given(st.none())
def test_a_property_is_not_measured(nothing: None) -> None:
    assert measured_now() == (False, False)


def test_an_example_is_measured(request: pytest.FixtureRequest) -> None:
    assert is_measured(request.node)
    assert measured_now() == (MEASURING, MEASURING)


def before() -> int:
    return 1


def meanwhile() -> int:
    return 2


def afterwards() -> int:
    return 3


def test_what_runs_during_a_pause_does_not_count() -> None:
    environment = {FOR_PROCESSES: "given"}
    with pause(environment):  # of this run's own measuring
        coverage = Coverage(data_file=None, config_file=False, include=[__file__])
        coverage.start()
        try:
            before()
            with pause(environment):
                meanwhile()
                assert environment == {}
            afterwards()
        finally:
            coverage.stop()
    lines = coverage.get_data().lines(__file__) or []
    bodies = {function: getsourcelines(function)[1] + 1 for function in (before, meanwhile, afterwards)}
    assert {function for function, line in bodies.items() if line in lines} == {before, afterwards}
