"""What the report shows of each metric, and in which order."""

from dataclasses import dataclass
from typing import Final

__all__ = ["SECTIONS", "Row", "Section"]


@dataclass(frozen=True)
class Row:
    """One metric as a line of a table."""

    metric: str
    text: str
    decimals: int = 0


@dataclass(frozen=True)
class Section:
    """Some metrics under one heading."""

    title: str
    rows: tuple[Row, ...]


def _sizes(metric: str, text: str) -> tuple[Row, Row]:
    return Row(f"{metric}_tokens", f"{text}, tokens"), Row(f"{metric}_chars", f"{text}, characters")


def _calls(prefix: str) -> tuple[Row, ...]:
    return (
        Row(f"{prefix}.p50_ms", "One after the other: median, ms", 2),
        Row(f"{prefix}.p99_ms", "99th percentile, ms", 2),
        Row(f"{prefix}.cpu_ms", "Processor time of the server for each, ms", 2),
        Row(f"{prefix}.rate", "32 in flight: calls a second"),
        Row(f"{prefix}.slow_rate", "32 in flight, upstream takes 50 ms: calls a second"),
    )


SECTIONS: Final = (
    Section(
        "Start",
        (
            Row("start.ms", "To the first answer of `tools/list`, ms"),
            Row("start.uncompiled_ms", "the same without compiled bytecode, ms"),
            Row("start.command_ms", "`projects-mcp call` on the sandbox, whole process, ms"),
            Row("start.rss_mib", "Resident memory after it, MiB", 1),
            Row("start.pss_mib", "its proportional share (PSS), MiB", 1),
        ),
    ),
    Section(
        "The lane of plain messages, and the SDK alone",
        tuple(
            Row(f"lanes.{way}_{name}", f"{text}: {how}", decimals)
            for name, text, decimals in (
                ("first_ms", "To the first answer, ms", 0),
                ("list_ms", "To the first list with a key, ms", 0),
                ("rss_mib", "Resident memory after it, MiB", 1),
                ("cpu_ms", "Processor time of a call, ms", 2),
            )
            for way, how in (("fast", "plain"), ("sdk", "the SDK alone"))
        ),
    ),
    Section(
        "The list of tools",
        (
            *_sizes("carry.seen", "Name, description and input schema of each tool"),
            *_sizes("carry.whole", "The whole answer"),
        ),
    ),
    Section(
        "Answers",
        tuple(
            row
            for metric, text in (
                ("results.get_compact", "A project, compact"),
                ("results.get_full", "A project in full"),
                ("results.much_compact", "A much configured project, compact"),
                ("results.much_full", "A much configured project in full"),
                ("results.list", "A list of 100"),
            )
            for part in ("text", "structured")
            for row in _sizes(f"{metric}.{part}", f"{text}: {part}")[:1]
        ),
    ),
    Section("Calls over stdio", _calls("calls")),
    Section("Calls over Streamable HTTP", _calls("http")),
    Section(
        "Two processes behind nginx, 64 in flight",
        (
            Row("replicas.direct_rate", "One process: calls a second"),
            Row("replicas.behind_1_rate", "One process behind nginx: calls a second"),
            Row("replicas.behind_2_rate", "Two processes behind nginx: calls a second"),
        ),
    ),
    Section(
        "Growth",
        (
            *(
                row
                for rows in (1, 10, 100, 1000, 2000)
                for row in (
                    Row(f"growth.list_{rows}_ms", f"A list of {rows:,}: ms", 1),
                    Row(
                        f"growth.list_{rows}_peak_mib",
                        f"A list of {rows:,}: memory more at its peak, MiB",
                        1,
                    ),
                )
            ),
            Row("growth.calls", "Calls of one process"),
            Row("growth.rss_first_mib", "Memory after a tenth of them, MiB", 1),
            Row("growth.rss_last_mib", "Memory after all of them, MiB", 1),
        ),
    ),
)
"""The tables in their order."""
