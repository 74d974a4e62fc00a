"""What a command about a file of settings says when it cannot go on, and its exit code."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from projects_mcp.cli.complaints import complain, complains_in_json
from projects_mcp.cli.exit_codes import FAILED, USAGE
from projects_mcp.cli.fleet.calling import run_with_runner
from projects_mcp.config.settings import Settings
from projects_mcp.errors.kinds import Kind
from projects_mcp.fleet.resolving import GroupsDisagree
from projects_mcp.fleet.settings_document import DocumentError
from projects_mcp.fleet.settings_file import SettingsFileError
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.sanitize.text import on_one_line

__all__ = ["run_with_file"]


def run_with_file(
    command: str, settings: Settings, file: Path, read: Callable[[], Callable[[ToolRunner], Awaitable[int]]]
) -> int:
    """Run a command about a file.

    Args:
        command: its name.
        settings: of the server.
        file: that it was given.
        read: reads the file, and returns what makes the calls, prints, and returns the exit code.

    Returns:
        The exit code: `USAGE` if the file cannot be used, `FAILED` if the work cannot be done.
    """
    kind: Kind = "file"
    try:
        return run_with_runner(settings, read())
    except DocumentError as error:
        lines, code = error.problems, USAGE
    except GroupsDisagree as error:
        lines, code = tuple(f"{on_one_line(str(file))}: {line}" for line in str(error).splitlines()), USAGE
    except SettingsFileError as error:
        lines, code, kind = (str(error),), FAILED, error.kind
    except OSError as error:
        lines, code = (f"the file cannot be written: {error.strerror}",), USAGE
    if complains_in_json():  # one object for one failure
        lines = (". ".join(lines),)
    for line in lines:
        complain(command, f"{line}.", code, kind)
    return code
