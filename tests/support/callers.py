"""A callers file, and the tokens of its callers."""

import hashlib
import json
from pathlib import Path
from typing import Any


def token_of(name: str) -> str:
    return f"pmcp_InventedTokenOfACaller_{name}_000"


def entry(name: str, token: str | None = None, **fields: Any) -> str:
    """The section of one caller, who may read and write unless it says otherwise."""
    digest = hashlib.sha256((token or token_of(name)).encode()).hexdigest()
    values = {"token_sha256": digest, "scopes": ["project:read", "project:write"], **fields}
    return f"[callers.{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()) + "\n"


def write_callers(path: Path, *sections: str, mode: int = 0o600) -> Path:
    """Write a callers file as an editor does: whole, under another name first."""
    other = path.with_suffix(".new")
    other.write_text("".join(sections), encoding="utf-8")
    other.chmod(mode)
    other.replace(path)
    return path
