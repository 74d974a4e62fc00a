"""A plan, and what has become of one, as sentences for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from projects_mcp.api.types import JSONObject
from projects_mcp.cli.table import cell, print_table, print_text
from projects_mcp.cli.terminal import Styled, say
from projects_mcp.fleet.resolving import Resolved
from projects_mcp.sanitize.text import on_one_line

__all__ = ["notes_of", "print_preview", "print_receipt", "projects_in_words"]

_BOLD: Final = "1"
_LISTS: Final = (
    ("exceptions", "Few projects"),
    ("lowers_privacy", "Privacy"),
    ("cannot_be_undone", "Cannot be undone"),
    ("protected", "Protected projects"),
    ("warnings", "Also"),
)
_NAMED: Final = (
    ("unchanged", "Already as wanted"),
    ("ignored", "Ignored by PostHog"),
    ("drifted", "Changed by others meanwhile, and left alone"),
    ("in_part", "Changed in part"),
    ("unknown", "Not known whether it was changed"),
    ("failed", "Failed"),
    ("not_revertible", "Cannot be undone"),
    ("warnings", "Also"),
)


def projects_in_words(number: int) -> str:
    """Return a number of projects in words."""
    return f"{number} project{'' if number == 1 else 's'}"


def print_preview(preview: JSONObject, resolved: Resolved) -> None:
    """Print what a plan would do, and what of the file is not in it."""
    _print_changes(preview.get("changed", {}))
    for name, title in _LISTS:
        _print_list(title, preview.get(name, ()))
    _print_list("Not in the plan", list(notes_of(preview, resolved)))
    if "plan" not in preview:
        say("Nothing would change.")
        return
    takes = preview["minutes"]
    print_text(
        f"{projects_in_words(preview['projects'])} would change, and {preview.get('unchanged', 0)} are as wanted. "
        f"This takes {preview['requests']} requests, and {takes} minute{'' if takes == 1 else 's'} at the least."
    )


def notes_of(preview: JSONObject, resolved: Resolved) -> Iterator[str]:
    """Say what of a file is not in a plan, in one line a point."""
    yield from _reasons(preview.get("left_out", {}))
    if unknown := preview.get("unknown_to_this_posthog"):
        yield f"This PostHog does not know {', '.join(unknown)}."
    for number in resolved.absent:
        yield f"Project {number} of the file is not there, or this server may not touch it."
    for label in resolved.empty:
        yield f"No project is in {label}."
    if incomplete := preview.get("incomplete"):
        yield incomplete


def print_receipt(receipt: JSONObject) -> None:
    """Print what has become of a plan."""
    _print_changes(receipt.get("changed", {}))
    for name, title in _NAMED:
        said = receipt.get(name, ())
        _print_list(title, _reasons(said) if isinstance(said, dict) else said)
    done = f"{receipt['applied']} of {projects_in_words(receipt['projects'])} were changed"
    say(f"{done}, {receipt['left']} are left." if receipt["left"] else f"{done}.")
    if note := receipt.get("note"):
        print_text(on_one_line(note))
    if revert := receipt.get("revert_plan"):
        say("To undo what was done, where nobody has changed it since:")
        say(f'projects-mcp call project_update plan={revert["plan"]} confirm_plan="{revert["confirm_plan"]}"')


def _print_changes(changed: Mapping[str, Mapping[str, int]]) -> None:
    rows = [[name, cell(change), str(number)] for name, found in changed.items() for change, number in found.items()]
    if rows:
        print_table(["setting", "change", "projects"], rows)
        say()


def _print_list(title: str, lines: Any) -> None:
    if lines:
        say(Styled(title, _BOLD))
        for line in lines:
            print_text(on_one_line(str(line)), "  ")
        say()


def _reasons(by_reason: Mapping[str, Any]) -> Iterator[str]:
    for reason, said in by_reason.items():
        shown = ", ".join(map(str, said)) if isinstance(said, list) else f"{said}"
        yield f"{shown}: {reason}"
