"""`projects-mcp apply FILE`: make projects as a file of settings wants them, or carry out a plan that was written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from projects_mcp.api.types import JSONObject
from projects_mcp.cli.complaints import complains_in_json
from projects_mcp.cli.controlling_terminal import ControllingTerminal, NoTerminalError
from projects_mcp.cli.exit_codes import DONE, FAILED, UNKNOWN
from projects_mcp.cli.fleet.calling import CallError, pause
from projects_mcp.cli.fleet.failing import run_with_file
from projects_mcp.cli.fleet.making import make_plan
from projects_mcp.cli.fleet.plan_approver import PlanApprover
from projects_mcp.cli.fleet.plan_file import read_plan_file
from projects_mcp.cli.fleet.plan_text import notes_of, print_receipt
from projects_mcp.cli.fleet.progress_bar import ProgressBar
from projects_mcp.cli.fleet.settings_input import host_of, read_settings_file, require_place
from projects_mcp.cli.interruption import how_to_go_on
from projects_mcp.cli.output import print_answer
from projects_mcp.cli.terminal import say
from projects_mcp.config.settings import Settings
from projects_mcp.errors.kinds import Kind
from projects_mcp.fleet.settings_document import DocumentError
from projects_mcp.fleet.settings_file import SettingsFileError
from projects_mcp.fleet.settings_tables import SettingsDocument
from projects_mcp.policy.confirmation import Approver
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.sanitize.text import on_one_line
from projects_mcp.state.store import StoreError

__all__ = ["run_apply"]

_MOST_CALLS: Final = 1_000
"""Calls for one plan: 2,000 projects take about 20 at full speed."""
_KEPT_S: Final = 86_400.0
"""Seconds for which it is known which plan a file is being applied by: as long as a plan that has begun is kept."""
_NO_PLAN: Final[Kind] = "no_such_plan"
_LOST: Final = (
    "there is no such plan: it had to be begun within 30 minutes, and with the same PROJECTS_MCP_STATE. Nothing was "
    "changed; make a new one with projects-mcp plan"
)
_BUSY: Final = "plan_busy"
_WITH_OTHERS: Final = "Another process has worked on this plan too. The numbers are those of the whole plan."
_MOST_WAITS: Final = 10
"""Refusals one after another that are waited for, as long as no project is done meanwhile. A call that finds another
process at work has waited for some 20 seconds when it is refused; one that was killed keeps a plan for a minute."""
_NOTHING: Final[JSONObject] = {"outcome": "unchanged", "applied": 0, "left": 0}


class _Work(NamedTuple):
    """What is applied.

    Attributes:
        document: the file of settings; None for a plan that was written as a file.
        plan: the id of the plan; empty if it is to be made.
        words: of the plan.
        key: where the store keeps which plan the file is being applied by; empty for a plan's file.
    """

    document: SettingsDocument | None
    plan: str = ""
    words: str = ""
    key: str = ""


class _Applied(NamedTuple):
    """What came of it.

    Attributes:
        receipt: of the plan; None if nothing would change.
        besides: what of the file is not in the plan, as sentences.
        left_out: whether projects could not be planned.
    """

    receipt: JSONObject | None
    besides: Sequence[str] = ()
    left_out: bool = False


def run_apply(settings: Settings, file: Path, *, as_json: bool) -> int:
    """Apply a file of settings, or the file of a plan. The same command goes on after an end in the middle.

    A person at the controlling terminal is asked for the words of the plan, unless nobody has to agree to it.

    Args:
        settings: of the server.
        file: of settings, or of a plan.
        as_json: print one line of JSON.

    Returns:
        The exit code: `DONE` if every project is as the plan wants it, `UNKNOWN` if that is not known of one, `FAILED`
        if one was not changed or nobody has agreed, and `TRY_LATER` if PostHog or another process wants more time.
    """
    how_to_go_on("Run the same command again to go on.")
    return run_with_file("apply", settings, file, lambda: partial(_run, _read(settings, file), as_json=as_json))


def _read(settings: Settings, file: Path) -> _Work:
    found = read_plan_file(file)
    if found is None:
        document = read_settings_file(settings, file)
        text = f"{host_of(settings)}\0{document.organization}\0".encode() + file.read_bytes()
        return _Work(document, key=f"settings-file:{hashlib.sha256(text).hexdigest()}")
    try:
        require_place(settings, found.host, found.organization)
    except DocumentError as error:
        raise DocumentError([f"{on_one_line(str(file))}: {problem}" for problem in error.problems]) from None
    return _Work(None, found.plan, found.words)


async def _run(work: _Work, runner: ToolRunner, *, as_json: bool) -> int:
    with ExitStack() as ending:
        approver = _approver(ending)
        if work.document is None:
            applied = await _apply_plan(runner, work, approver)
        else:
            applied = await _apply_document(runner, work.document, work.key, approver)
    body = {**(applied.receipt or _NOTHING), **({"not_in_plan": list(applied.besides)} if applied.besides else {})}
    print_answer(body, partial(_print, applied), as_json=as_json)
    code = DONE if applied.receipt is None else _exit_code(applied.receipt)
    return FAILED if applied.left_out and code == DONE else code


def _print(applied: _Applied) -> None:
    if applied.receipt is not None:
        print_receipt(applied.receipt)
    else:
        say("Nothing would change.")
    for line in applied.besides:
        say(line, error=True)


def _approver(ending: ExitStack) -> PlanApprover | None:
    """Return who can be asked: the person at the terminal that this process belongs to; None if it has none."""
    try:
        terminal = ending.enter_context(ControllingTerminal())
    except NoTerminalError:
        return None
    return PlanApprover(terminal) if terminal.interactive else None


async def _apply_plan(runner: ToolRunner, work: _Work, approver: Approver | None) -> _Applied:
    """Apply a plan that was written as a file."""
    try:
        return _Applied(await _apply(runner, work.plan, work.words, approver))
    except CallError as error:
        if (error.result.error or {}).get("kind") == _NO_PLAN:
            raise SettingsFileError(_LOST, _NO_PLAN) from None
        raise


async def _apply_document(
    runner: ToolRunner, document: SettingsDocument, key: str, approver: Approver | None
) -> _Applied:
    """Go on with the plan that this file is being applied by, or make one.

    Raises:
        SettingsFileError: the state store cannot be used.
    """
    try:
        text = await runner.store.get(key)
        if text is not None:
            begun: dict[str, str] = json.loads(text)
            _tell("Going on with the plan that was made of this file.")
            try:
                return _Applied(await _finish(runner, key, text, begun, approver))
            except CallError as error:
                if (error.result.error or {}).get("kind") != _NO_PLAN:
                    raise
                _tell("Its time is over. A new one is made.")
                await runner.store.replace(key, text, None)
        made = await make_plan(runner, document)
        besides = [*notes_of(made.preview, made.resolved)]
        left_out = bool(made.preview.get("left_out"))
        if "plan" not in made.preview:
            return _Applied(None, besides, left_out=left_out)
        begun = {"plan": made.preview["plan"], "words": made.preview["confirm_plan"]}
        text = json.dumps(begun)
        await runner.store.add(key, text, _KEPT_S)
        return _Applied(await _finish(runner, key, text, begun, approver), besides, left_out=left_out)
    except StoreError as error:
        raise SettingsFileError(f"the state store cannot be used: {error}", "state_unavailable") from None


def _tell(sentence: str) -> None:
    """Tell a person what is going on. A program learns it from the answer, or from what failed."""
    if not complains_in_json():
        say(sentence, error=True)


async def _finish(
    runner: ToolRunner, key: str, text: str, begun: Mapping[str, str], approver: Approver | None
) -> JSONObject:
    """Apply a plan, and forget which one it was when nothing is left of it."""
    receipt = await _apply(runner, begun["plan"], begun["words"], approver)
    if not receipt["left"]:
        await runner.store.replace(key, text, None)
    return receipt


async def _apply(runner: ToolRunner, plan: str, words: str, approver: Approver | None) -> JSONObject:
    """Apply a plan in as many calls as that takes, and return the last receipt.

    Raises:
        CallError: a call was refused, and waiting is of no use.
    """
    bar, waits = ProgressBar(), 0
    try:
        for _ in range(_MOST_CALLS):
            done = bar.done
            result = await runner.call("project_update", {"plan": plan, "confirm_plan": words}, approver, progress=bar)
            bar.close()
            if result.body is None:
                wait_s = (result.error or {}).get("retry_after_s")
                waits = 0 if bar.done > done else waits
                if wait_s is None or waits == _MOST_WAITS:
                    raise CallError(result)
                waits += 1
                if (result.error or {}).get("kind") == _BUSY:
                    await pause(wait_s, "because another process is at work on this plan, or was when it ended")
                    continue
            else:
                waits, wait_s = 0, result.body.get("retry_after_s", 0)
                if not result.body["left"] or result.body.get("stopped"):
                    return {**({"note": _WITH_OTHERS} if bar.with_others else {}), **result.body}
            if wait_s:
                await pause(wait_s)
    finally:
        bar.close()
    raise SettingsFileError("the plan is not done yet; run the same command again")


def _exit_code(receipt: JSONObject) -> int:
    if receipt.get("unknown"):
        return UNKNOWN
    if receipt["left"] or any(receipt.get(name) for name in ("failed", "ignored", "drifted", "in_part")):
        return FAILED
    return DONE
