"""Whatever happens in whatever order, no destructive request leaves without all gates passed: two state machines.

The first one runs in process, and through the two lanes of stdio.
"""

from hypothesis import settings

from tests.support.gates import Gates
from tests.support.gates_and_approvals import GatesAndApprovals
from tests.support.lane_client import LaneHarness


class GatesInLanes(Gates):
    harness = LaneHarness


TestGates = Gates.TestCase
TestGates.settings = settings(max_examples=100, stateful_step_count=30)

TestGatesAndApprovals = GatesAndApprovals.TestCase
TestGatesAndApprovals.settings = settings(max_examples=50, stateful_step_count=30)

TestGatesInLanes = GatesInLanes.TestCase
TestGatesInLanes.settings = settings(max_examples=25, stateful_step_count=30)
