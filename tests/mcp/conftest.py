"""What several tests of many projects share."""

import pytest

from tests.support.fleets import TurnedClock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> TurnedClock:
    clock = TurnedClock()
    clock.use(monkeypatch)
    return clock
