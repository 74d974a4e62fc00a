"""A call goes down one road: its moves between files stay within what was decided."""

import sys

from dev.trace import LIMITS
from tests.support.process import run_command


def test_no_call_makes_more_moves_than_it_may() -> None:
    """In a process of its own: what other tests have set up, such as logging, would be counted too."""
    done = run_command([sys.executable, "-m", "dev.trace"])
    assert done.returncode == 0, done.stdout + done.stderr
    rows = done.stdout.splitlines()[1:]
    assert [row[:34].strip() for row in rows] == list(LIMITS)
    assert min(int(row.split()[-2]) for row in rows) > 10, "something is traced"
