"""Tables of Markdown, and the parts of a document that are generated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["markdown_table", "replace_between"]


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def replace_between(text: str, name: str, content: str) -> str:
    """Replace what stands between the two markers of one part.

    Raises:
        ValueError: the markers are not there exactly once.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"{begin} and {end} must each be there once")
    before, _, rest = text.partition(begin)
    return f"{before}{begin}\n{content}\n{end}{rest.partition(end)[2]}"
