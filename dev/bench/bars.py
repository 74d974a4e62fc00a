"""The bars: what must hold between this server and the others, and whether it does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dev.bench.measures.calls import IDEAL_RATE
from dev.bench.plan import BARE, FASTMCP, OURS, OURS_AIOHTTP
from dev.bench.stats import Book

__all__ = ["BARS", "Bar", "sized"]


@dataclass(frozen=True)
class Bar:
    """One bar.

    Args:
        text: what is compared, and with what.
        limit: the value that must be reached.
        value: finds the measured one; None where it was not measured.
        at_least: whether the limit is the least that must be reached, not the most.
    """

    text: str
    limit: float
    value: Callable[[Book], float | None]
    at_least: bool = False

    @property
    def wanted(self) -> str:
        """Return the limit with its direction."""
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"

    def met(self, book: Book) -> bool | None:
        """Tell whether it is met; None where it was not measured."""
        value = self.value(book)
        if value is None:
            return None
        return value >= self.limit if self.at_least else value <= self.limit


def sized(book: Book, metric: str) -> str:
    """Return the metric that tells how long a text is: in tokens, or in characters where they were not counted."""
    tokens = f"{metric}_tokens"
    return tokens if tokens in book.values else f"{metric}_chars"


def _times(metric: str, subject: str, other: str, other_metric: str = "") -> Callable[[Book], float | None]:
    return lambda book: book.ratio(metric, subject, other, other_metric=other_metric)


def _size(metric: str) -> Callable[[Book], float | None]:
    return lambda book: book.ratio(sized(book, metric), OURS, FASTMCP)


def _of_ideal(metric: str, subject: str) -> Callable[[Book], float | None]:
    def share(book: Book) -> float | None:
        rate = book.median(metric, subject)
        return None if rate is None else rate / IDEAL_RATE

    return share


def _per_row(kind: str) -> Callable[[Book], float | None]:
    """Compare what a row more costs in the longer half of the longest list with what it costs in the shorter half."""

    def growth(book: Book) -> float | None:
        one, half, whole = (book.median(f"growth.list_{rows}_{kind}", OURS) for rows in (1, 1000, 2000))
        if one is None or half is None or whole is None or half <= one:
            return None
        return (whole - half) / 1000 / ((half - one) / 999)

    return growth


def _flat(book: Book) -> float | None:
    return book.ratio("growth.rss_last_mib", OURS, OURS, other_metric="growth.rss_first_mib")


BARS: Final = (
    Bar("Cold start, of the bare server's", 0.95, _times("start.ms", OURS, BARE)),
    Bar("Cold start, of FastMCP's", 0.52, _times("start.ms", OURS, FASTMCP)),
    Bar("Memory after it, of the bare server's", 1.0, _times("start.rss_mib", OURS, BARE)),
    Bar(
        "`projects-mcp call` as a whole, of the bare server's cold start",
        0.45,
        _times("start.command_ms", OURS, BARE, "start.ms"),
    ),
    *(
        Bar(f"{text}, of that with the SDK alone", limit, _times(f"lanes.fast_{name}", OURS, OURS, f"lanes.sdk_{name}"))
        for text, limit, name in (
            ("First answer", 0.25, "first_ms"),
            ("First list with a key", 0.35, "list_ms"),
            ("Memory after it", 0.5, "rss_mib"),
            ("Processor time of a call", 0.85, "cpu_ms"),
        )
    ),
    Bar("What a model sees of the tools, of FastMCP's", 0.76, _size("carry.seen")),  # 3,000 tokens
    Bar("A project, compact, of FastMCP's", 0.25, _size("results.get_compact.text")),
    Bar("A project in full, of FastMCP's", 0.92, _size("results.get_full.text")),
    Bar("A list of 100 projects, of FastMCP's", 0.15, _size("results.list.text")),
    Bar("Processor time of a call, of the bare server's", 0.9, _times("calls.cpu_ms", OURS, BARE)),
    Bar("the same, with the aiohttp extra", 0.6, _times("calls.cpu_ms", OURS_AIOHTTP, BARE)),
    Bar("Calls a second, 32 in flight, of the bare server's", 1.1, _times("calls.rate", OURS, BARE), at_least=True),
    Bar("the same, with the aiohttp extra", 2.0, _times("calls.rate", OURS_AIOHTTP, BARE), at_least=True),
    Bar(
        f"Calls a second with a slow upstream, of the ideal {IDEAL_RATE:.0f}",
        0.6,
        _of_ideal("calls.slow_rate", OURS),
        at_least=True,
    ),
    Bar("the same, with the aiohttp extra", 0.75, _of_ideal("calls.slow_rate", OURS_AIOHTTP), at_least=True),
    Bar("Calls a second over HTTP, of the bare server's", 1.2, _times("http.rate", OURS, BARE), at_least=True),
    Bar(
        "Calls a second of two processes behind nginx, of one behind it",
        1.6,
        _times("replicas.behind_2_rate", OURS, OURS, "replicas.behind_1_rate"),
        at_least=True,
    ),
    Bar("Time of one row more, in a list of 2,000 against 1,000", 1.25, _per_row("ms")),
    Bar("Memory of one row more, in a list of 2,000 against 1,000", 1.25, _per_row("peak_mib")),
    Bar("Memory after all calls of one process, of that after a tenth", 1.02, _flat),
)
"""All of them, in the order of the report. The sizes are those of the texts that a model reads."""
