"""The commands about many projects, and the check of audit logs that shares its first word with one of them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click
from click.shell_completion import CompletionItem

from projects_mcp.cli.command import Argument, Command, flag, option
from projects_mcp.cli.group import Group
from projects_mcp.cli.invocation import Invocation
from projects_mcp.cli.output import Output
from projects_mcp.cli.values import FILE, PROJECT_ID
from projects_mcp.sanitize.text import on_one_line

__all__ = ["APPLY", "AUDIT", "COMPARE", "DRIFT", "EXPORT", "PLAN"]


def _audit(invocation: Invocation, *, words: tuple[str, ...], fields: str, as_json: bool) -> int:
    if odd := [word for word in words if "=" not in word]:
        raise click.UsageError(
            "audit takes conditions as FIELD=VALUE, or the word verify and files; "
            f"{on_one_line(odd[0])!r:.60} is neither"
        )
    from projects_mcp.cli.fleet.audit import run_audit

    shown = [name.strip() for name in fields.split(",") if name.strip()]
    return run_audit(invocation.settings, words, shown, as_json=as_json)


def _verify(
    _invocation: Invocation, *, files: tuple[str, ...], head: tuple[str, ...], passkeys: str | None, as_json: bool
) -> int:
    from projects_mcp.cli.audit.command import run_audit_verify

    return run_audit_verify(files, heads=head, passkeys=passkeys, as_json=as_json)


def _complete_condition(_ctx: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    from projects_mcp.api.settings_table import SETTINGS

    words = [
        (f"{name}={value}", setting.about)
        for name, setting in SETTINGS.items()
        for value in (("true", "false") if setting.schema["type"] == "boolean" else ("",))
    ]
    return [CompletionItem(word, help=about) for word, about in words if word.startswith(typed)]


def _complete_fields(_ctx: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    from projects_mcp.api.settings_table import SETTINGS

    before, comma, last = typed.rpartition(",")
    return [CompletionItem(f"{before}{comma}{name}") for name in SETTINGS if name.startswith(last)]


AUDIT: Final = Group(
    "audit",
    "find the projects with certain settings; with verify: check audit logs",
    (
        Command(
            "verify",
            "check audit logs: is a line missing, changed or in another place",
            _verify,
            (
                Argument(
                    "files",
                    "FILE",
                    "an audit log; several in the order in which they were written",
                    nargs=-1,
                    required=True,
                    type=FILE,
                ),
                option("--head", "N:SHA256", "an end that was noted before, and must still be there", multiple=True),
                option("--passkeys", "FILE", "the enrolled passkeys, with those that were removed", type=FILE),
            ),
            examples=("audit verify audit.jsonl", "audit verify audit.jsonl.1 audit.jsonl --passkeys passkeys.json"),
        ),
    ),
    default=Command(
        "projects",
        "find the projects with certain settings",
        _audit,
        (
            Argument(
                "words",
                "FIELD=VALUE",
                "a setting, and its value or several: timezone=UTC,Europe/Madrid",
                _complete_condition,
                nargs=-1,
                required=False,
            ),
            option(
                "--fields",
                "A,B",
                "settings to show of each project, and to count",
                default="",
                shell_complete=_complete_fields,
            ),
        ),
        examples=("audit surveys_opt_in=true",),
    ),
    examples=("audit surveys_opt_in=true", "audit --fields timezone,week_start_day", "audit verify audit.jsonl"),
)


def _compare(invocation: Invocation, *, first: int, second: int, as_json: bool) -> int:
    settings = invocation.settings
    from projects_mcp.cli.fleet.compare import run_compare

    return run_compare(settings, first, second, as_json=as_json, options=invocation.options)


COMPARE: Final = Command(
    "compare",
    "show what differs between two projects",
    _compare,
    (
        Argument("first", "A", "the id of a project", type=PROJECT_ID),
        Argument("second", "B", "the id of the one to compare it with", type=PROJECT_ID),
    ),
    examples=("compare 12345 12346", "compare 12345 12346 --json"),
    more="The exit code is 3 if they differ.",
)


def _export(invocation: Invocation, *, ids: tuple[int, ...], all: bool, out: str | None, as_json: bool) -> int:  # noqa: A002 - the option's name
    if all == bool(ids):
        raise click.UsageError("export takes the ids of projects, or --all")
    settings = invocation.settings
    from projects_mcp.cli.fleet.export import run_export

    return run_export(settings, ids, Path(out) if out else None, as_json=as_json)


EXPORT: Final = Command(
    "export",
    "write the settings of projects to a TOML file",
    _export,
    (
        Argument("ids", "ID", "the id of a project", nargs=-1, required=False, type=PROJECT_ID),
        flag("--all", "all projects of the organization"),
        option("--out", "FILE", "the file, whose comments stay; default: stdout", type=FILE),
    ),
    examples=("export 12345 12346", "export --all --out projects.toml"),
    output=Output.FILE,
    writes="out",
    about_json="with --out",
)


def _plan(invocation: Invocation, *, file: str, out: str | None, as_json: bool) -> int:
    settings = invocation.settings
    from projects_mcp.cli.fleet.plan import run_plan

    return run_plan(settings, Path(file), Path(out) if out else None, as_json=as_json, options=invocation.options)


PLAN: Final = Command(
    "plan",
    "show what a file of settings would change",
    _plan,
    (
        Argument("file", "FILE", "a TOML file, as export writes it", type=FILE),
        option("--out", "PLAN", "write the plan as a file that apply takes", type=FILE),
    ),
    examples=("plan projects.toml", "plan projects.toml --out projects.plan"),
)


def _apply(invocation: Invocation, *, file: str, as_json: bool) -> int:
    settings = invocation.settings
    from projects_mcp.cli.fleet.apply import run_apply

    return run_apply(settings, Path(file), as_json=as_json)


APPLY: Final = Command(
    "apply",
    "make projects as a file of settings wants them",
    _apply,
    (Argument("file", "FILE", "of settings, or of a plan; the same command goes on after an end", type=FILE),),
    examples=("apply projects.toml", "apply projects.plan"),
)


def _drift(invocation: Invocation, *, file: str, as_json: bool) -> int:
    settings = invocation.settings
    from projects_mcp.cli.fleet.drift import run_drift

    return run_drift(settings, Path(file), as_json=as_json)


DRIFT: Final = Command(
    "drift",
    "show which projects differ from a file of settings",
    _drift,
    (Argument("file", "FILE", "a TOML file, as export writes it", type=FILE),),
    examples=("drift projects.toml", "drift projects.toml --json"),
    more="The exit code is 3 if one differs.",
)
