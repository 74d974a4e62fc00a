"""The demonstration's output on a terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from projects_mcp.cli.demo.steps import JSONObject, Step
from projects_mcp.cli.terminal import Styled, say
from projects_mcp.sanitize.json_text import indented_json
from projects_mcp.sanitize.text import on_one_line

__all__ = ["Page"]

_MAX_LINES: Final = 16
"""Lines shown of one result."""
_MAX_COLUMNS: Final = 100
_INDENT_COLUMNS: Final = 6
_BOLD, _BOLD_RED, _BOLD_GREEN, _BOLD_CYAN = "1", "1;31", "1;32", "1;36"
_GREEN, _YELLOW, _CYAN = "32", "33", "36"


def _terminal_columns() -> int:
    return min(shutil.get_terminal_size((_MAX_COLUMNS, 24)).columns, _MAX_COLUMNS)


@dataclass
class Page:
    """Prints the demonstration on stdout.

    Attributes:
        color: use the terminal's colours.
        columns: the longest line; by default as wide as the terminal, at most 100.
    """

    color: bool
    columns: int = field(default_factory=_terminal_columns)

    def print_title(self, text: str) -> None:
        """Print the first line."""
        say(self._style(_BOLD, text))

    def print_heading(self, number: int, step: Step) -> None:
        """Print the number and the purpose of a step."""
        say()
        say(self._style(_BOLD_CYAN, f"{number:>2}"), "  ", self._style(_BOLD, step.purpose))

    def print_call(self, tool: str, arguments: JSONObject) -> None:
        """Print a tool call on as many lines as it needs."""
        text = " ".join([tool, *(f"{name}={_format_value(value)}" for name, value in arguments.items())])
        self._print_wrapped(self._style(_CYAN, "→ "), text)

    def print_question(self, text: str) -> None:
        """Print a question of the server, and the answer that the demonstration gives."""
        self._print_wrapped(self._style(_YELLOW, "? "), text)
        say("      ", self._style(_YELLOW, "The person at the client accepts."))

    def print_refusal(self, text: str) -> None:
        """Print why a call was refused."""
        self._print_wrapped(self._style(_YELLOW, "✗ "), text)

    def print_result(self, body: JSONObject) -> None:
        """Print the body of a result, cut to 16 lines."""
        lines = list(_format_object(body, ""))
        if len(lines) > _MAX_LINES:
            lines = [*lines[:_MAX_LINES], f"… and {len(lines) - _MAX_LINES} lines more"]
        for index, line in enumerate(lines):
            mark = self._style(_GREEN, "← ") if index == 0 else "  "
            say("    ", mark, _cut(on_one_line(line), self.columns - _INDENT_COLUMNS))

    def print_unexpected(self) -> None:
        """Print that the result is not the expected one."""
        say("    ", self._style(_BOLD_RED, "This is not what this step should do."))

    def print_audit_records(self, records: Sequence[JSONObject]) -> None:
        """Print some records of the audit log."""
        say()
        say(self._style(_BOLD, "The audit log on replacing the token: intent before, outcome after."))
        for record in records:
            text = ", ".join(f"{name}: {_format_value(value)}" for name, value in record.items())
            self._print_wrapped(self._style(_CYAN, "· "), text)

    def print_verdict(self, failed: Sequence[int], total: int) -> None:
        """Print how many of the steps went as expected."""
        say()
        if failed:
            say(self._style(_BOLD_RED, f"{len(failed)} of {total} steps did not do what they should: {failed}"))
        else:
            say(self._style(_BOLD_GREEN, f"All {total} steps did what they should."))

    def _print_wrapped(self, mark: Styled, text: str) -> None:
        lines = textwrap.wrap(text, self.columns - _INDENT_COLUMNS, break_on_hyphens=False)
        for index, line in enumerate(lines):
            say("    ", mark if index == 0 else "  ", line)

    def _style(self, code: str, text: str) -> Styled:
        return Styled(text, code if self.color else "")


def _format_object(value: JSONObject, indent: str) -> Iterator[str]:
    """Lay out a JSON object: one line a field, changes as arrows, lists of objects as items."""
    for name, item in value.items():
        if isinstance(item, dict) and item.keys() == {"before", "after"}:
            yield f"{indent}{name}: {_format_value(item['before'])} → {_format_value(item['after'])}"
        elif isinstance(item, dict) and item:
            yield f"{indent}{name}:"
            yield from _format_object(item, f"{indent}  ")
        elif isinstance(item, list) and item and isinstance(item[0], dict):
            yield f"{indent}{name}:"
            for row in item:
                yield f"{indent}  - {', '.join(f'{key}: {_format_value(part)}' for key, part in row.items())}"
        elif item not in ([], {}):
            yield f"{indent}{name}: {_format_value(item)}"


def _format_value(value: Any) -> str:
    return value if isinstance(value, str) and " " not in value else indented_json(value, None)


def _cut(line: str, columns: int) -> str:
    return line if len(line) <= columns else f"{line[: columns - 1]}…"
