"""Programs that grade how an MCP server describes its tools. Each has a floor, and a table of what we do not do for it.

The scores are those that the graders give, without any of our exceptions taken out. A finding that is in no table fails
the gate, and so does a table's row that nothing finds any more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import anyio
from mcp import Client, StdioServerParameters

from dev.conformance.graders_refused import REFUSED
from dev.conformance.servers import COMMAND, SANDBOX
from dev.environments import CACHE
from dev.gate import FailedError, run_step
from dev.processes import without_settings
from dev.toolbox import Toolbox

__all__ = ["FLOORS", "grade", "judge"]

FLOORS: Final[Mapping[str, float]] = {
    "mcpscore": 97.0,
    "mcp-quality": 91.0,
    "mcp-tool-card-linter": 58.0,
    "agent-friend": 29.5,
}
"""Of 100, at the versions that are pinned, just below what was measured."""
_QUALITY: Final = """
import sys
import tiktoken
from rs_bpe.bpe import openai
tiktoken.get_encoding = {"o200k_base": openai.o200k_base()}.__getitem__
from mcp_quality.cli import main
sys.exit(main())
"""
"""mcp-quality counts tokens of `o200k_base`. `tiktoken` would download the vocabulary, and `rs-bpe` brings it along.
Without it, mcp-quality takes each quotation mark and brace for 1.3 tokens."""


def grade(box: Toolbox) -> list[str]:
    """Have all graders look at the list of tools, and hold each to its floor and its table."""
    programs = box.graders
    listed = CACHE / "graders.tools.json"
    CACHE.mkdir(exist_ok=True)
    tools = anyio.run(_list_tools)
    listed.write_text(json.dumps({"tools": tools}), encoding="utf-8")
    alone = CACHE / "graders.list.json"
    alone.write_text(json.dumps(tools), encoding="utf-8")
    seen = {
        "mcpscore": _mcpscore(programs),
        "mcp-quality": _mcp_quality(programs, listed),
        "mcp-tool-card-linter": _card_linter(programs, listed),
        "agent-friend": _agent_friend(programs, alone),
    }
    if wrong := [line for name, (score, found) in seen.items() for line in judge(name, score, found)]:
        raise FailedError("\n".join(wrong))
    return [
        f"{name}: {score:.1f} of 100, {len(found)} kinds of findings refused" for name, (score, found) in seen.items()
    ]


def judge(name: str, score: float, found: Iterable[str]) -> list[str]:
    """Return what is wrong with a grade.

    Args:
        name: of the grader.
        score: of 100.
        found: the names of its findings.
    """
    kinds, refused = set(found), set(REFUSED[name])
    low = [f"{name}: {score:.1f} is below {FLOORS[name]}"] if score < FLOORS[name] else []
    new = [f"{name}: {kind} is new: mend it, or refuse it with a reason" for kind in sorted(kinds - refused)]
    return (
        low
        + new
        + [f"{name}: {kind} is not found any more, so it leaves the table" for kind in sorted(refused - kinds)]
    )


async def _list_tools() -> list[dict[str, Any]]:
    server = StdioServerParameters(command=COMMAND, env={**without_settings(), **SANDBOX})
    async with Client(server) as client:
        tools = (await client.list_tools()).tools
    return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]


def _mcpscore(programs: Path) -> tuple[float, set[str]]:
    command = [str(programs / "mcpscore"), "--no-config", "--env", "PROJECTS_MCP_SANDBOX=1", "--json"]
    report = json.loads(run_step("graders", [*command, "--stdio", COMMAND], environment=without_settings()))
    found = {rule["rule_id"] for rule in report["results"] if rule["passed"] is False}
    return 100 * report["score"] / report["max_score"], found


def _mcp_quality(programs: Path, listed: Path) -> tuple[float, set[str]]:
    command = [str(programs / "python"), "-c", _QUALITY, "static", str(listed), "--json"]
    report = json.loads(run_step("graders", command))
    found = {finding["code"] for family in report["families"].values() for finding in family["findings"]}
    return float(report["overall"]["score"]), found


def _card_linter(programs: Path, listed: Path) -> tuple[float, set[str]]:
    written = CACHE / "graders.cards.json"
    options = ["--tools-file", str(listed), "--format", "none", "--fail-on", "never", "--json-report", str(written)]
    run_step("graders", [str(programs / "mcp-tool-card-linter"), "lint", *options])
    report = json.loads(written.read_text(encoding="utf-8"))
    found = {issue["code"] for tool in report["tools"] for issue in tool["issues"]}
    return float(report["summary"]["score"]), found


def _agent_friend(programs: Path, alone: Path) -> tuple[float, set[str]]:
    program = str(programs / "agent-friend")
    score = json.loads(run_step("graders", [program, "grade", str(alone), "--json"]))["overall_score"]
    issues = json.loads(run_step("graders", [program, "validate", str(alone), "--json"]))["issues"]
    return float(score), {issue["check"] for issue in issues}
