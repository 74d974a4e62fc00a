"""`projects-mcp export [ID … | --all]`: the settings of projects as a file."""

from __future__ import annotations

import os
import stat
import tempfile
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from projects_mcp.cli.complaints import complain, note
from projects_mcp.cli.exit_codes import DONE, FAILED, USAGE
from projects_mcp.cli.fleet.calling import run_with_runner
from projects_mcp.cli.fleet.project_reading import read_projects, read_rows
from projects_mcp.cli.fleet.value_check import without_unreadable
from projects_mcp.cli.output import print_answer
from projects_mcp.cli.table import print_text
from projects_mcp.cli.terminal import say
from projects_mcp.config.settings import Settings
from projects_mcp.fleet.settings_file import EXPORTED, ExportedProject, SettingsFileError, write_settings
from projects_mcp.runner.build import SANDBOX_ORIGIN
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.sanitize.text import on_one_line

__all__ = ["run_export"]

_FIELDS: Final = ["id", "name", "organization", *EXPORTED]


def run_export(settings: Settings, ids: Sequence[int], out: Path | None, *, as_json: bool = False) -> int:
    """Write the settings of projects to a file or to stdout. What is left out, and why, goes to stderr.

    Args:
        settings: of the server.
        ids: of projects; none for all of the organization.
        out: the file; None for stdout.
        as_json: say as one line of JSON what was written to the file.

    Returns:
        The exit code: 1 if a project could not be read, and then nothing is written.
    """
    host = SANDBOX_ORIGIN if settings.sandbox is not None else settings.origin
    try:
        former = out.read_bytes().decode() if out is not None and out.exists() else ""
        return run_with_runner(settings, partial(_export, ids, out, host, former, as_json))
    except SettingsFileError as error:
        return complain("export", str(error), FAILED, error.kind)
    except UnicodeDecodeError:
        return complain("export", "the file is not text in UTF-8", USAGE, "file")
    except OSError as error:
        return complain("export", f"the file cannot be used: {error.strerror}", USAGE, "file")


async def _export(
    asked: Sequence[int], out: Path | None, host: str, former: str, as_json: bool, runner: ToolRunner
) -> int:
    ids = sorted(set(asked)) or [row["id"] for row in await read_rows(runner)]
    read, failed = await read_projects(runner, dict.fromkeys(ids, _FIELDS))
    organizations = {str(project.get("organization")) for project in read.values()}
    if failed:
        unread = " ".join(f"Project {number} could not be read: {why}" for number, why in sorted(failed.items()))
        return complain("export", f"{unread} Nothing was written.", FAILED, "unreadable")
    if len(organizations) != 1:
        return complain("export", "These projects are not of one organization.", FAILED, "several_organizations")
    projects = [
        without_unreadable(ExportedProject.of(number, str(read[number]["name"]), read[number])) for number in ids
    ]
    text = write_settings(host, organizations.pop(), projects, shared=not asked, former=former)
    if out is None:
        say(text, end="")
    else:
        _replace(out, text)
        many = f"{len(projects)} projects were" if len(projects) != 1 else "1 project was"
        body = {"file": str(out), "projects": len(projects)}
        print_answer(body, lambda: print_text(f"{many} written to {on_one_line(str(out))}."), as_json=as_json)
    _say_left_out(projects)
    return DONE


def _say_left_out(projects: Sequence[ExportedProject]) -> None:
    """Say once for each setting why it is left out, and of how many projects."""
    left_out = Counter((name, why) for project in projects for name, why in project.left_out.items())
    for (name, why), number in left_out.items():
        note(f"Left out: {name} of {number} project{'' if number == 1 else 's'}, because {why}.", setting=name)


def _replace(file: Path, text: str) -> None:
    """Put a text in the place of a file at once: nobody ever sees a half of it. Its mode stays."""
    file = file.resolve()
    mode = stat.S_IMODE(file.stat().st_mode) if file.exists() else 0o644
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(text.encode())
        Path(name).chmod(mode)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
