"""Builds archives of tracked files only: what merely lies in a checkout, such as a `.env`, is never published.

Hatch takes whole folders, and leaves out only what `.gitignore` names. This hook, which hatch runs before it builds,
refuses to build if a file that it would take is not tracked by git. Without a repository, as in an unpacked source
archive, there is nothing but what the archive holds.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

__all__ = ["TrackedOnly", "tracked_files"]

_TIMEOUT_S: Final = 60
_MOST_NAMED: Final = 10


def tracked_files(root: Path) -> frozenset[str] | None:
    """Return the paths that git tracks below a folder, with slashes; None if the folder is no checkout.

    Raises:
        RuntimeError: it is one, and git cannot be asked.
    """
    if not os.path.lexists(root / ".git"):  # a folder, or a file in a linked worktree
        return None
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached"]
    try:
        # The command is fixed, and the folder is the one that is built.
        done = subprocess.run(  # noqa: S603
            command, env=environment, capture_output=True, check=True, timeout=_TIMEOUT_S
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or b""
        raise RuntimeError(f"git cannot tell which files it tracks: {said.decode(errors='replace') or error}") from None
    return frozenset(filter(None, done.stdout.decode(errors="surrogateescape").split("\0")))


class TrackedOnly(BuildHookInterface[Any]):
    """Refuses to build what git does not track."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - the interface is hatch's
        """Check the files that hatch is about to take. An editable install takes none.

        Raises:
            RuntimeError: some are not tracked. Nothing was built.
        """
        tracked = tracked_files(Path(self.root))
        if tracked is None or version == "editable":
            return
        taken = {Path(file.relative_path).as_posix() for file in self.build_config.builder.recurse_included_files()}
        if untracked := sorted(taken - tracked):
            more = "" if len(untracked) <= _MOST_NAMED else f" and {len(untracked) - _MOST_NAMED} more"
            named = ", ".join(map(ascii, untracked[:_MOST_NAMED]))
            raise RuntimeError(f"git does not track {named}{more}: remove them, or add them. Nothing was built.")
