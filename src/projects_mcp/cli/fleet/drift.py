"""`projects-mcp drift FILE`: whether projects are as a file of settings wants them."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

from projects_mcp.api.types import JSONObject
from projects_mcp.cli.exit_codes import DIFFERS, DONE, FAILED
from projects_mcp.cli.fleet.failing import run_with_file
from projects_mcp.cli.fleet.project_reading import read_projects, read_rows
from projects_mcp.cli.fleet.settings_input import read_settings_file
from projects_mcp.cli.output import print_answer
from projects_mcp.cli.table import cell, print_table, print_text
from projects_mcp.cli.terminal import say
from projects_mcp.config.settings import Settings
from projects_mcp.fleet.drifting import Drift, drift_of
from projects_mcp.fleet.resolving import ProjectName, Resolved, resolve
from projects_mcp.fleet.settings_tables import SettingsDocument
from projects_mcp.runner.runner import ToolRunner

__all__ = ["run_drift"]


def run_drift(settings: Settings, file: Path, *, as_json: bool) -> int:
    """Print which projects differ from a file, and in what. Changes nothing.

    Args:
        settings: of the server.
        file: of settings, as `export` writes it.
        as_json: print one line of JSON.

    Returns:
        The exit code: `DONE` if all projects are as the file wants them, `DIFFERS` if one is not or is not there,
        `FAILED` if one could not be read, and `USAGE` if the file cannot be used.
    """
    return run_with_file(
        "drift", settings, file, lambda: partial(_drift, read_settings_file(settings, file), file, as_json=as_json)
    )


async def _drift(document: SettingsDocument, file: Path, runner: ToolRunner, *, as_json: bool) -> int:
    organization = str(document.organization)
    rows = await read_rows(runner, organization_id=organization)
    names = {row["id"]: str(row.get("name", "")) for row in rows}
    resolved = resolve(document, [ProjectName(number, name) for number, name in names.items()])
    fields = {number: ["id", *wanted.settings, *wanted.clear] for number, wanted in resolved.wanted.items()}
    read, failed = await read_projects(runner, fields, organization_id=organization)
    drifts = {number: drift_of(resolved.wanted[number], shown) for number, shown in sorted(read.items())}
    body = _body(document, resolved, names, drifts, failed)
    print_answer({"file": str(file), **body}, partial(_print, body), as_json=as_json)
    if failed:
        return FAILED
    return DIFFERS if body["differs"] or body.get("absent") else DONE


def _body(
    document: SettingsDocument,
    resolved: Resolved,
    names: dict[int, str],
    drifts: dict[int, Drift],
    failed: dict[int, str],
) -> JSONObject:
    differing = {number: drift for number, drift in drifts.items() if drift}
    counts = Counter(name for drift in differing.values() for name in (*drift.differs, *drift.unknown))
    unreadable: dict[str, list[int]] = {}
    for number, why in sorted(failed.items()):
        unreadable.setdefault(why, []).append(number)
    body: JSONObject = {
        "organization_id": str(document.organization),
        "projects": len(names),
        "managed": len(resolved.wanted),
        "in_sync": len(drifts) - len(differing),
        "counts": dict(counts.most_common()),
        "differs": [_row(number, names[number], drift) for number, drift in differing.items()],
    }
    more = {"absent": resolved.absent, "empty_groups": resolved.empty, "unreadable": unreadable}
    return body | {name: said for name, said in more.items() if said}


def _row(number: int, name: str, drift: Drift) -> JSONObject:
    row: JSONObject = {"id": number, "name": name, "settings": drift.differs}
    return row | ({"not_known_to_this_posthog": drift.unknown} if drift.unknown else {})


def _print(body: JSONObject) -> None:
    rows = [
        [str(project["id"]), cell(project["name"]), name, cell(both["is"]), cell(both["wanted"])]
        for project in body["differs"]
        for name, both in project["settings"].items()
    ]
    if rows:
        print_table(["id", "name", "setting", "is", "wanted"], rows)
        say()
    for project in body["differs"]:
        if unknown := project.get("not_known_to_this_posthog"):
            print_text(f"Project {project['id']}: this PostHog does not know {', '.join(unknown)}.")
    print_text(f"{body['managed']} of {body['projects']} projects are managed, {body['in_sync']} of them are in sync.")
    for number in body.get("absent", ()):
        print_text(f"Project {number} of the file is not there, or this server may not touch it.")
    for label in body.get("empty_groups", ()):
        print_text(f"No project is in {label}.")
    for why, numbers in body.get("unreadable", {}).items():
        print_text(f"Not read: {', '.join(map(str, numbers))}. {why}")
