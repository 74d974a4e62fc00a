"""The documents of the checkout, as text."""

import re

from dev.environments import ROOT


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def callers_example() -> str:
    """The example of a callers file in the page on serving."""
    (block,) = re.findall(r"^```toml\n(.*?)^```", text_of("docs/serving.md"), flags=re.MULTILINE | re.DOTALL)
    return str(block)
