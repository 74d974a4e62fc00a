"""The picture of the report: a few metrics as horizontal bars, each with its direction, as SVG without a library."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from dev.bench.bars import sized
from dev.bench.stats import Book

__all__ = ["svg"]

_LESS: Final = "less is better"
_MORE: Final = "more is better"
_PANELS: Final = (
    ("start.ms", "Cold start to the tool list, ms", 0, _LESS),
    ("start.rss_mib", "Memory after it, MiB", 0, _LESS),
    ("carry.seen", "Tool list as a model sees it", 0, _LESS),
    ("results.get_compact.text", "Answer: one project", 0, _LESS),
    ("results.list.text", "Answer: a list of 100", 0, _LESS),
    ("calls.cpu_ms", "Processor time of a call, ms", 2, _LESS),
    ("calls.rate", "Calls a second", 0, _MORE),
    ("calls.slow_rate", "Calls a second, upstream takes 50 ms", 0, _MORE),
    ("http.rate", "Calls a second over HTTP", 0, _MORE),
)
_SIZES: Final = ("carry.", "results.")

_WIDTH: Final = 400
_LABEL: Final = 152
_LONGEST: Final = 180
_STEP: Final = 18
_HEAD: Final = 26
_GAP: Final = 18
_MARGIN: Final = 12

_STYLE: Final = """
text { font: 12px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; }
.ours { fill: #1f6feb; } .other { fill: #8c959f; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .ours { fill: #4493f8; } .other { fill: #6e7681; }
}
"""


@dataclass(frozen=True)
class _Panel:
    title: str
    decimals: int
    values: Mapping[str, float]

    @property
    def height(self) -> int:
        return _HEAD + _STEP * len(self.values)


def svg(book: Book, names: Mapping[str, str], *, ours: frozenset[str]) -> str:
    """Draw the picture.

    Args:
        book: what was measured; a metric that was not has no panel.
        names: the subjects in their order, and what to call them.
        ours: the subjects to be set off by colour.
    """
    panels = [panel for row in _PANELS if (panel := _panel(book, names, *row)).values]
    parts, top = [], _MARGIN
    for panel in panels:  # one below the other, so that it can be read on a phone
        parts.append(_drawn(panel, names, ours, top))
        top += panel.height + _GAP
    width, height = _MARGIN + _WIDTH, top
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    label = 'role="img" aria-label="What was measured, as bars"'
    return "\n".join([f"{head} {label}>", f"<style>{_STYLE}</style>", *parts, "</svg>", ""])


def _panel(book: Book, names: Mapping[str, str], metric: str, title: str, decimals: int, better: str) -> _Panel:
    if metric.startswith(_SIZES):
        metric = sized(book, metric)
        title = f"{title}, {metric.rpartition('_')[2].replace('chars', 'characters')}"
    found = {name: book.median(metric, name) for name in names}
    return _Panel(f"{title} ({better})", decimals, {name: value for name, value in found.items() if value is not None})


def _drawn(panel: _Panel, names: Mapping[str, str], ours: frozenset[str], top: int) -> str:
    most = max(panel.values.values()) or 1
    lines = [f'<g transform="translate({_MARGIN} {top})">', f'<text class="title" y="12">{escape(panel.title)}</text>']
    for at, (name, value) in enumerate(panel.values.items()):
        y, length = _HEAD + at * _STEP, max(1, round(_LONGEST * value / most))
        kind = "ours" if name in ours else "other"
        lines += [
            f'<text x="{_LABEL - 8}" y="{y + 10}" text-anchor="end">{escape(names[name])}</text>',
            f'<rect class="{kind}" x="{_LABEL}" y="{y}" width="{length}" height="12" rx="2"/>',
            f'<text x="{_LABEL + length + 6}" y="{y + 10}">{value:,.{panel.decimals}f}</text>',
        ]
    return "\n".join([*lines, "</g>"])
