"""What one served process counts: calls, requests to PostHog, and requests over HTTP."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from projects_mcp.gateway.call_tally import CallTally
from projects_mcp.posthog.request_tally import RequestTally

__all__ = ["Tally"]

_TOO_MANY_REQUESTS: Final = "429"
_TOO_MANY_CALLS: Final = "too_many_calls"


@dataclass(slots=True)
class Tally:
    """The counts of one process, from its start.

    Attributes:
        calls: of tools.
        upstream: requests to PostHog.
        requests: over HTTP, by path and status.
    """

    calls: CallTally = field(default_factory=CallTally)
    upstream: RequestTally = field(default_factory=RequestTally)
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)

    def count_request(self, path: str, status: int | None) -> None:
        """Count one request over HTTP; `path` is one of the few that are recorded."""
        self.requests[path, "none" if status is None else str(status)] += 1

    def throttled(self) -> dict[str, int]:
        """Return how often somebody was told to wait: `posthog` us, and `server` a caller of ours."""
        answers = self.upstream.answers.items()
        calls = sum(times for (_, kind), times in self.calls.failures.items() if kind == _TOO_MANY_CALLS)
        requests = sum(times for (_, status), times in self.requests.items() if status == _TOO_MANY_REQUESTS)
        by_posthog = sum(times for (_, status), times in answers if status == _TOO_MANY_REQUESTS)
        return {"posthog": by_posthog, "server": calls + requests}
