"""Files of settings, and the commands about them, in this process; PostHog is a sandbox in another one."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from projects_mcp.cli.fleet.apply import run_apply
from projects_mcp.cli.fleet.drift import run_drift
from projects_mcp.cli.fleet.plan import run_plan
from projects_mcp.config.settings import Settings, load
from projects_mcp.sandbox import ACME_ID, READ_WRITE_KEY
from tests.support.process import running


@contextmanager
def fleet(projects: int, *more: str) -> Iterator[str]:
    """The address of a sandbox with so many projects more."""
    with running("sandbox", "--port", "0", "--projects", str(projects), *more) as server:
        found = re.search(r"http://127\.0\.0\.1:\d+", server.stderr.readline().decode())
        assert found is not None
        yield found[0]


@dataclass
class Desk:
    """Files in a folder, and the commands that work on them."""

    origin: str
    folder: Path
    capsys: pytest.CaptureFixture[str]
    key: str = READ_WRITE_KEY

    def environment(self, **more: str) -> dict[str, str]:
        return {
            "POSTHOG_HOST": self.origin,
            "POSTHOG_PERSONAL_API_KEY": self.key,
            "PROJECTS_MCP_STATE": str(self.folder / "state.sqlite"),
            **more,
        }

    def settings(self, **more: str) -> Settings:
        return load(self.environment(**more))

    def file(self, text: str, organization: str = ACME_ID, name: str = "projects.toml") -> Path:
        file = self.folder / name
        file.write_text(f'host = "{self.origin}"\norganization = "{organization}"\n{text}', encoding="utf-8")
        return file

    def drift(self, file: Path, **settings: str) -> tuple[int, Any, str]:
        """The exit code, the JSON of stdout, and stderr. As the next two."""
        return self._printed(lambda: run_drift(self.settings(**settings), file, as_json=True))

    def plan(self, file: Path, out: Path | None = None, **settings: str) -> tuple[int, Any, str]:
        return self._printed(lambda: run_plan(self.settings(**settings), file, out, as_json=True))

    def apply(self, file: Path, **settings: str) -> tuple[int, Any, str]:
        """Nobody is asked, unless the settings say otherwise."""
        given = {"PROJECTS_MCP_CONFIRMATION": "argument", **settings}
        return self._printed(lambda: run_apply(self.settings(**given), file, as_json=True))

    def _printed(self, command: Callable[[], int]) -> tuple[int, Any, str]:
        code = command()
        out, err = self.capsys.readouterr()
        return code, json.loads(out) if out else None, err
