"""Whatever happens in whatever order, no destructive request leaves without all gates passed: two state machines."""

from hypothesis import settings

from tests.support.gates import Gates
from tests.support.gates_and_approvals import GatesAndApprovals

TestGates = Gates.TestCase
TestGates.settings = settings(max_examples=100, stateful_step_count=30)

TestGatesAndApprovals = GatesAndApprovals.TestCase
TestGatesAndApprovals.settings = settings(max_examples=50, stateful_step_count=30)
