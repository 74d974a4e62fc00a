"""Check where state is kept: that a record can be kept there now, and that it is private and lasts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from projects_mcp.cli.doctor.findings import Finding, Level
from projects_mcp.config.credential_text import shown_path
from projects_mcp.config.parsers import is_loopback
from projects_mcp.config.settings import Settings
from projects_mcp.state.location import MEMORY, RedisAddress
from projects_mcp.state.open import default_file, open_store, why_unusable
from projects_mcp.state.redis import RedisStore
from projects_mcp.state.sqlite import SqliteStore
from projects_mcp.state.store import StateStore, StoreError

__all__ = ["check_state"]

_CHECK: Final = "state"
_OTHERS: Final = 0o077
_EVICTION: Final = "maxmemory-policy"
_NO_EVICTION: Final = "noeviction"
_OF_A_BALANCER: Final = (
    "Behind a balancer each replica has its own: a yes counts once at each of them, an approval holds only where it "
    "was given, and limits and locks are not shared."
)
_SET_REDIS: Final = "With more than one replica, set PROJECTS_MCP_STATE to the address of a Redis server."


async def check_state(settings: Settings) -> list[Finding]:
    """Find out which store this process would use, and try it. Makes no file and no folder."""
    location = settings.state
    if isinstance(location, RedisAddress):
        return [*await _check_redis(location), *_check_signing_keys(settings)]
    if isinstance(location, Path):
        return [await _check_file(location, is_set=True)]
    if settings.serving.callers is not None or settings.serving.issuer is not None:
        return [Finding(_CHECK, Level.NOTE, f"serve keeps state in its memory. {_OF_A_BALANCER}", _SET_REDIS)]
    if location == MEMORY:
        sentence = "State is kept in the memory of each process: no other one sees it, and it ends with the process."
        fix = "To share it, set PROJECTS_MCP_STATE to the path of a file, or to the address of a Redis server."
        return [Finding(_CHECK, Level.NOTE, sentence, fix)]
    file = default_file()
    return [_no_home() if file is None else await _check_file(file, is_set=False)]


def _check_signing_keys(settings: Settings) -> list[Finding]:
    """Whoever serves several replicas, for which Redis is, has them understand each other's questions too."""
    serving = settings.serving
    if serving.signing_keys or (serving.callers is None and serving.issuer is None):
        return []
    sentence = "Each process seals questions with a key of its own: behind a balancer, the others refuse the answers."
    fix = "Set PROJECTS_MCP_SIGNING_KEY to the same value for all of them: openssl rand -base64 48."
    return [Finding("state_signing_key", Level.WARNING, sentence, fix)]


def _no_home() -> Finding:
    sentence = "This user has no home folder, so state is kept in the memory of each process."
    return Finding(_CHECK, Level.WARNING, sentence, "Set PROJECTS_MCP_STATE to the absolute path of a file.")


async def _check_file(file: Path, *, is_set: bool) -> Finding:
    if is_set:
        otherwise = "Until then the server does not start, or refuses every change"
    else:
        otherwise = "Until then state is kept in memory, or every change is refused"
    if finding := _check_future_file(file, otherwise):
        return finding
    shown, open_to_others = shown_path(file), _is_open_to_others(file)
    store = SqliteStore(file)
    try:
        await store.probe()
    except StoreError as error:
        return _unusable(file, str(error), otherwise)
    finally:
        await store.aclose()
    if open_to_others:
        sentence = f"Others could read or write the state file {shown}. Its permissions have been taken back."
        return Finding(_CHECK, Level.NOTE, sentence, "Check who else works in its folder.")
    return Finding.ok(_CHECK, f"State is kept in {shown}, which is private and can be written.")


def _unusable(file: Path, reason: str, otherwise: str) -> Finding:
    sentence = f"State cannot be kept in {shown_path(file)}: {reason}. {otherwise}."
    return Finding(_CHECK, Level.PROBLEM, sentence, "Correct that, or name another file in PROJECTS_MCP_STATE.")


def _is_open_to_others(file: Path) -> bool:
    return hasattr(os, "getuid") and bool(file.lstat().st_mode & _OTHERS) and not file.is_symlink()


def _check_future_file(file: Path, otherwise: str) -> Finding | None:
    """Check a file that is not there yet, without making it; None for one that is there."""
    shown = shown_path(file)
    if not os.path.lexists(file.parent):
        nearest = next(folder for folder in file.parents if folder.exists())
        if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
            return Finding.ok(_CHECK, f"State will be kept in {shown}; its private folder is made when it is needed.")
        return _unusable(file, f"its folder cannot be made in {shown_path(nearest)}", otherwise)
    if reason := why_unusable(file):
        return _unusable(file, reason, otherwise)
    if not os.path.lexists(file):
        return Finding.ok(_CHECK, f"State will be kept in {shown}, which is made when it is needed.")
    return None


async def _check_redis(address: RedisAddress) -> list[Finding]:
    store: StateStore | None = None
    try:
        store = open_store(address, private=False)
        await store.probe()
    except StoreError as error:
        if store is not None:
            await store.aclose()
        sentence = f"State cannot be kept in {address.shown}: {error}. Every change that needs it is refused."
        fix = "Correct the address, user or password in PROJECTS_MCP_STATE, or the server."
        return [Finding(_CHECK, Level.PROBLEM, sentence, fix)]
    findings = [Finding.ok(_CHECK, f"State is kept in {address.shown}, which answers and can be written.")]
    if not address.tls and not is_loopback(address.host):
        sentence = "The connection to the Redis server is not encrypted."
        fix = "Use rediss:// in PROJECTS_MCP_STATE, unless nobody else is on that network."
        findings.append(Finding("state_tls", Level.NOTE, sentence, fix))
    if isinstance(store, RedisStore):
        findings += await _check_redis_settings(store)
    await store.aclose()
    return findings


async def _check_redis_settings(store: RedisStore) -> list[Finding]:
    try:
        policy = await store.read_setting(_EVICTION)
        appends = await store.read_setting("appendonly")
    except StoreError as error:
        return [
            Finding("state_eviction", Level.WARNING, f"The Redis server could not be asked: {error}.", "Run again.")
        ]
    findings: list[Finding] = []
    if policy is None:
        sentence = f"The Redis server does not tell this user its {_EVICTION}."
        findings.append(Finding("state_eviction", Level.NOTE, sentence, f"Make sure that it is {_NO_EVICTION}."))
    elif policy == _NO_EVICTION:
        findings.append(Finding.ok("state_eviction", f"The Redis server throws nothing away ({_NO_EVICTION})."))
    else:
        sentence = f"If memory runs short, the Redis server throws records away ({policy:.40}): a yes may count twice."
        fix = f"Set {_EVICTION} to {_NO_EVICTION}, or use a server for this alone."
        findings.append(Finding("state_eviction", Level.WARNING, sentence, fix))
    if appends == "no":
        sentence = "The Redis server writes no append-only file: after a restart a yes that was used may count again."
        fix = "Set appendonly to yes, and appendfsync to always."
        findings.append(Finding("state_lasting", Level.WARNING, sentence, fix))
    return findings
