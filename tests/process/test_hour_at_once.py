"""Two real processes that share a store stay below three quarters of the limit of an hour, as PostHog counts it."""

from pathlib import Path
from typing import Any

import pytest

from projects_mcp.sandbox import READ_WRITE_KEY
from projects_mcp.sandbox.app import create_app
from tests.support.fleets import TurnedClock, busiest, fleet_world
from tests.support.process import Piped, running
from tests.support.redis_server import shared_state
from tests.support.upstream import serving

TURNED = """
import os, sys
from pathlib import Path
from projects_mcp.state import sliding_windows
sliding_windows.wall_clock = lambda: float(Path(os.environ["CLOCK"]).read_text())
from projects_mcp.cli.main import main
sys.exit(main())
"""
"""The command line, whose windows are those of a clock that the test turns."""
AUDIT = {"where": {"timezone": "Asia/Tokyo"}, "fields": ["heatmaps_opt_in"]}


def ask(server: Piped, offset: int) -> None:
    params = {"name": "project_list", "arguments": {**AUDIT, "offset": offset}}
    server.send({"jsonrpc": "2.0", "id": 99, "method": "tools/call", "params": params})


@pytest.mark.long
def test_no_hour_of_two_processes_has_more_than_three_quarters(tmp_path: Path) -> None:
    clock, file = TurnedClock(), tmp_path / "clock"
    world = fleet_world(clock, 1_890)
    environment = {
        "POSTHOG_PERSONAL_API_KEY": READ_WRITE_KEY,
        "PROJECTS_MCP_LOG_LEVEL": "error",
        "CLOCK": str(file),
    }
    with serving(create_app(world)) as posthog, shared_state("sqlite", tmp_path) as state:
        environment |= {"POSTHOG_HOST": posthog.origin, "PROJECTS_MCP_STATE": state}
        file.write_text(str(clock.now_s), encoding="ascii")
        with running(program=TURNED, **environment) as one, running(program=TURNED, **environment) as other:
            left: dict[Piped, int] = {one: 0, other: 0}
            read = {one: 0, other: 0}
            for server in left:
                server.handshake()
            for _ in range(100):
                for server, offset in left.items():
                    ask(server, offset)
                answers: dict[Piped, Any] = {
                    server: server.read_message()["result"]["structuredContent"] for server in left
                }
                for server, answer in answers.items():
                    read[server] += answer["read"]
                left = {server: answer["next_offset"] for server, answer in answers.items() if "next_offset" in answer}
                if not left:
                    break
                clock.now_s += min(
                    answer.get("retry_after_s", 0) for answer in answers.values() if "next_offset" in answer
                )
                file.write_text(str(clock.now_s), encoding="ascii")
    assert set(read.values()) == {1_894}
    assert clock.now_s - 1_790_000_000.0 > 1_800, "they had to wait for the hour"
    assert busiest(world, 60) <= 360
    assert 2_000 < busiest(world, 3_600) <= 3_600
