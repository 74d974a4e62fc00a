"""A short run of the fuzz targets, so that they stay true; `make fuzz` runs them long."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from dev.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_what_nobody_would_send_breaks_no_invariant(name: str) -> None:
    target, strategy = TARGETS[name]

    @seed(1)
    @settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def examples(data: st.DataObject) -> None:
        target(data.draw(strategy))

    examples()
