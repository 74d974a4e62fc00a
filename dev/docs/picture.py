"""Draw docs/demo.svg, the picture of a session in the README, from what `projects-mcp demo` really prints.

Run it with the project's own Python: `python -m dev.docs.picture`. With `--check` it writes nothing, and exits 1 if the
picture is not what the demo prints now.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from html import escape
from typing import Final

from dev.environments import ROOT
from dev.processes import run

PICTURE: Final = ROOT / "docs" / "demo.svg"

_SCENES: Final = (2, 5)
"""Shown in the picture: a preview, receipts, a refusal, and a person who says no."""
_WIDTH: Final = 56
"""Columns: few, so that the picture can be read on a phone."""
_VARYING: Final = {
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ": "2026-10-05T12:00:00Z",
    r"127\.0\.0\.1:\d{5}": "127.0.0.1:41234",
    r"localhost:\d{5}": "localhost:42345",
    r"approve/[0-9A-Z]{4}-[0-9A-Z]{4}": "approve/7F3K-9QWX",
}
"""What differs from run to run, and what is shown in its place. It is as long, so that lines end where they did."""
_STYLE: Final = re.compile(r"\x1b\[([0-9;]*)m")
_COLORS: Final = {"1": "b", "36": "c", "1;36": "c b", "32": "g", "31": "r", "33": "y", "35": "m", "2": "d", "90": "d"}
_LINE, _CHARACTER, _EDGE = 18, 8.02, 18
_HEAD: Final = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img"
aria-label="Two of the scenes that projects-mcp demo prints">
<style>
text{{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#d6deeb;white-space:pre}}
.b{{font-weight:700}}.c{{fill:#7fdbca}}.g{{fill:#addb67}}.r{{fill:#ff8b7b}}.y{{fill:#ffcb6b}}.m{{fill:#c792ea}}.d{{fill:#8a9bb0}}
</style>
<rect width="100%" height="100%" rx="10" fill="#0b2239"/>
<text x="{edge}" y="28" class="d">$ make demo</text>
"""


def printed() -> str:
    """Return what the demo prints, in colour, with the same text in every run."""
    command = [sys.executable, "-m", "projects_mcp", "demo", "--color", "always"]
    width = {"COLUMNS": str(_WIDTH)}
    done = run(command, environment={**os.environ, **width})
    done.check_returncode()
    text = done.stdout
    for pattern, same in _VARYING.items():
        text = re.sub(pattern, same, text)
    return text


def shown(text: str) -> list[str]:
    """Return the lines of the scenes that are in the picture."""
    blocks = text.split("\n\n")
    numbers = [re.match(r" ?(\d+)\s", _STYLE.sub("", block)) for block in blocks]
    chosen = [block for block, number in zip(blocks, numbers, strict=True) if number and int(number[1]) in _SCENES]
    return [line for block in chosen for line in (*block.splitlines(), "")][:-1]


def drawn(lines: list[str]) -> str:
    """Return the picture."""
    height = 28 + (len(lines) + 2) * _LINE
    rows = [_HEAD.format(width=2 * _EDGE + _WIDTH * _CHARACTER, height=height, edge=_EDGE)]
    for number, line in enumerate(lines):
        spans = "".join(
            f'<tspan class="{kind}">{escape(piece)}</tspan>' if kind else escape(piece) for kind, piece in _pieces(line)
        )
        if spans:
            rows.append(f'<text x="{_EDGE}" y="{28 + (number + 2) * _LINE}" xml:space="preserve">{spans}</text>\n')
    return "".join([*rows, "</svg>\n"])


def _pieces(line: str) -> Iterator[tuple[str, str]]:
    """Cut a line at its colours."""
    kind = ""
    for at, piece in enumerate(_STYLE.split(line)):
        if at % 2:
            kind = _COLORS.get(piece, "")
        elif piece:
            yield kind, piece


def main() -> int:
    """Write the picture, or check it."""
    new = drawn(shown(printed()))
    old = PICTURE.read_text(encoding="utf-8") if PICTURE.exists() else ""
    if new == old:
        return 0
    if "--check" in sys.argv[1:]:
        sys.stderr.write(f"{PICTURE.name} is not what the demo prints; renew it with: python -m dev.docs.picture\n")
        return 1
    PICTURE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
