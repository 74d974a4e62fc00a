"""A file of profiles in a folder of the test, and a keyring that keeps to a file."""

import json
import os
from pathlib import Path
from typing import Any

from keyring.backend import KeyringBackend

PLACE = "TEST_KEYRING_FILE"
"""The variable that names the file of the keyring."""


def keep_profiles(home: Path, text: str, mode: int = 0o600) -> dict[str, str]:
    """Write the file of profiles, have this process find it, and return what another process needs to find it.

    At the end of the test, the fixture that gives it folders of its own takes that back.
    """
    folder = home / "projects-mcp"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text(text, encoding="utf-8")
    (folder / "config.toml").chmod(mode)
    os.environ["XDG_CONFIG_HOME"] = str(home)
    return {"XDG_CONFIG_HOME": str(home)}


class FileKeyring(KeyringBackend):
    """Stands for the keyring of a system, where a test has none. The library chooses and calls it as any other."""

    priority: Any = 5

    def get_password(self, service: str, username: str) -> str | None:
        found: str | None = self._read().get(f"{service}/{username}")
        return found

    def set_password(self, service: str, username: str, password: str) -> None:
        self._write({**self._read(), f"{service}/{username}": password})

    def delete_password(self, service: str, username: str) -> None:
        self._write({name: text for name, text in self._read().items() if name != f"{service}/{username}"})

    def _read(self) -> dict[str, Any]:
        file = Path(os.environ[PLACE])
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}

    def _write(self, value: dict[str, Any]) -> None:
        Path(os.environ[PLACE]).write_text(json.dumps(value), encoding="utf-8")


def keyring_environment(file: Path) -> dict[str, str]:
    """The environment of a process whose system has this keyring."""
    root = str(Path(__file__).parents[2])
    return {"PYTHON_KEYRING_BACKEND": "tests.support.profiles.FileKeyring", "PYTHONPATH": root, PLACE: str(file)}
