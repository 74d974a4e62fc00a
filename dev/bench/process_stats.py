"""What the kernel knows of a process: its processor time and its memory."""

import contextlib
import os
from pathlib import Path
from typing import Final

__all__ = ["cpu_seconds", "forget_peak", "memory"]

_TICKS: Final = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory(pid: int) -> dict[str, float]:
    """Return `rss`, `peak` and, where the kernel tells, `pss`, in MiB."""
    found = {}
    for file, names in (("status", {"VmRSS": "rss", "VmHWM": "peak"}), ("smaps_rollup", {"Pss": "pss"})):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/{file}").read_text(encoding="utf-8").splitlines():
                name, _, rest = line.partition(":")
                if key := names.get(name):
                    found[key] = int(rest.split()[0]) / 1024
    return found


def forget_peak(pid: int) -> None:
    """Let the peak of a process's memory begin again at what it has now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
