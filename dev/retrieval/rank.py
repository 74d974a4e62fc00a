"""Rank tools for a question as searches for tools do it that use no model.

They follow three that are published, at the versions that were read: the search of FastMCP 4.1.6
(`fastmcp.server.transforms.search`) and the two of livekit-agents 1.8.9 (`livekit.agents.beta.toolsets.tool_search`).
Each of these reads the name, the description, and the names and descriptions of the arguments, but nothing inside them.
Others read the whole schema, so there is a ranking by that too.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, TypeAlias

from dev.retrieval.tools import SearchedTool
from dev.retrieval.words import cut, keywords

__all__ = ["RANKERS", "Ranker"]

Ranker: TypeAlias = Callable[[str], list[SearchedTool]]
"""Orders all tools for one question, the best first."""

_K1: Final = 1.5
_B: Final = 0.75
_NAME, _DESCRIPTION, _ARGUMENTS = 3, 2, 1
"""What a word counts by its place, in the searches of LiveKit."""


def _bm25(tools: Sequence[SearchedTool], *, weighted: bool = False, inside: bool = False) -> Ranker:
    """Rank by BM25.

    The formula is that of Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), with
    Lucene's inverse document frequency, which is never negative. FastMCP's and LiveKit's are the same.

    Args:
        tools: what is ranked.
        weighted: count the words of the name three times and those of the description twice, as LiveKit does.
        inside: read what is inside of arguments too.
    """
    counts = [_count(tool, weighted, inside) for tool in tools]
    lengths = [count.total() for count in counts]
    usual = sum(lengths) / len(lengths)
    holding = Counter(word for count in counts for word in count)
    rarity = {word: math.log(1 + (len(tools) - many + 0.5) / (many + 0.5)) for word, many in holding.items()}

    def score(at: int, words: Sequence[str]) -> float:
        scale = _K1 * (1 - _B + _B * lengths[at] / usual)
        found = [word for word in words if word in counts[at]]
        return sum(rarity[word] * counts[at][word] * (_K1 + 1) / (counts[at][word] + scale) for word in found)

    return _ranker(tools, score)


def _count(tool: SearchedTool, weighted: bool, inside: bool) -> Counter[str]:
    name, description, arguments = (_NAME, _DESCRIPTION, _ARGUMENTS) if weighted else (1, 1, 1)
    words = cut(f"{tool.server} {tool.name}") * name + cut(tool.description) * description
    return Counter(words + cut(tool.inside if inside else tool.arguments) * arguments)


def _by_keywords(tools: Sequence[SearchedTool]) -> Ranker:
    """Rank by the words that stand anywhere in the name, the description and the arguments, as LiveKit does."""
    weights = (_NAME, _DESCRIPTION, _ARGUMENTS)
    parts = [[f"{tool.server} {tool.name}".lower(), tool.description.lower(), tool.arguments.lower()] for tool in tools]

    def score(at: int, words: Sequence[str]) -> float:
        return sum(
            weight for word in set(words) for weight, text in zip(weights, parts[at], strict=True) if word in text
        )

    return _ranker(tools, score)


def _ranker(tools: Sequence[SearchedTool], score: Callable[[int, Sequence[str]], float]) -> Ranker:
    """Order by a score, and equals as they are listed."""

    def rank(question: str) -> list[SearchedTool]:
        words = keywords(question)
        return [tools[at] for at in sorted(range(len(tools)), key=lambda at: -score(at, words))]

    return rank


RANKERS: Final[Mapping[str, Callable[[Sequence[SearchedTool]], Ranker]]] = {
    "BM25": _bm25,
    "BM25 by place": partial(_bm25, weighted=True),
    "BM25 of all": partial(_bm25, inside=True),
    "keywords": _by_keywords,
}
"""All of them: as FastMCP, as LiveKit, with what is inside of arguments, and as LiveKit without BM25."""
