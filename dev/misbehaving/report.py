"""The verdicts as a table, and as an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dev.misbehaving.clients import CONTROL
from dev.misbehaving.verdict import Verdict

__all__ = ["FAULTS", "NOTHING_SHOWN", "SOUND", "conclude", "table"]

SOUND: Final = 0
FAULTS: Final = 1
NOTHING_SHOWN: Final = 2

_HEAD: Final = ("client", "era", "asked", "done without a yes", "in time", "person blamed")


def table(verdicts: Sequence[Verdict]) -> str:
    """Return one row for each client and era."""
    rows = [_HEAD, *(_row(verdict) for verdict in verdicts)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def conclude(verdicts: Sequence[Verdict]) -> tuple[int, str]:
    """Return the exit code, and why."""
    faults = [f"{each.client} ({each.era}): {', '.join(each.faults)}" for each in verdicts if each.faults]
    if faults:
        return FAULTS, "\n".join([f"{len(faults)} with faults:", *faults])
    played = [each for each in verdicts if each.played]
    eras = sorted({each.era for each in played})
    controls = {each.era for each in played if each.client == CONTROL.name and each.carried_out}
    silent = [era for era in eras if era not in controls]
    if not eras:
        return NOTHING_SHOWN, "Nothing is shown: the server cannot be reached, or speaks none of these revisions."
    if silent:
        why = "a yes to the server's question was not carried out"
        return NOTHING_SHOWN, f"Nothing is shown in {' and '.join(silent)}: {why}."
    return SOUND, f"No fault in {len(played)} runs, in {' and '.join(eras)}."


def _row(verdict: Verdict) -> tuple[str, ...]:
    if not verdict.played:
        return (verdict.client, verdict.era, "-", "-", "-", "-")
    rightly = f", {verdict.carried_out} of {verdict.agreed} with one" if verdict.agreed else ""
    return (
        verdict.client,
        verdict.era,
        "yes" if verdict.asked else "no",
        ("YES" if verdict.done else "unknown" if verdict.unseen else "no") + rightly,
        "NO" if verdict.late else f"{verdict.slowest_s:.1f} s",
        f"YES: {verdict.blamed!r}" if verdict.blamed else "no",
    )
