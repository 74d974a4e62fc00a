from __future__ import annotations

import json
import subprocess
import sys

_SCRIPT = """
import gc, json
before = gc.get_threshold()
from projects_mcp.runner.garbage import collect_as_usual, collect_rarely
collect_rarely()
during, frozen = gc.get_threshold(), gc.get_freeze_count()
collect_as_usual()
print(json.dumps([gc.isenabled(), before, during, gc.get_threshold(), frozen, gc.get_freeze_count()]))
"""


def test_a_started_process_collects_as_one_that_never_changed_it() -> None:
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True, timeout=60)
    enabled, before, during, after, frozen_before, frozen_after = json.loads(done.stdout)
    assert enabled
    assert after == before
    assert during[0] > 10 * before[0]
    assert frozen_after > frozen_before
