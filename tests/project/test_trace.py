"""A call goes down one road: its moves between files stay within what was decided."""

from dev.trace import LIMITS, trace_calls


def test_no_call_makes_more_moves_than_it_may() -> None:
    traces = trace_calls()
    assert traces.keys() == LIMITS.keys()
    moves = {name: trace.moves for name, trace in traces.items()}
    assert {name: count for name, count in moves.items() if count > LIMITS[name]} == {}
    assert min(moves.values()) > 10, "something is traced"
