"""Limit the rate of requests with one personal key."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from projects_mcp.sandbox.errors import throttled
from projects_mcp.sandbox.world.state import ApiKey, World

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)


def throttle(world: World, key: ApiKey | None) -> None:
    """Count an admissible request against the limits of its key.

    PostHog's behaviour: each personal key has two sliding windows; sessions and OAuth tokens have no limit, and refused
    requests do not count.

    Raises:
        ApiError: 429 with the seconds until the next request is accepted.
    """
    limits = world.behaviour.rate_limits
    if limits is None or key is None or key.kind != "personal":
        return
    now = world.clock()
    times = world.requests.setdefault(key.value, deque())
    while times and times[0] <= now - _HOUR:
        times.popleft()
    wait = max(_wait(times, limits.per_minute, _MINUTE, now), _wait(times, limits.per_hour, _HOUR, now))
    if wait > timedelta():
        raise throttled(wait.total_seconds(), header=world.behaviour.retry_after_header)
    times.append(now)


def _wait(times: deque[datetime], limit: int, window: timedelta, now: datetime) -> timedelta:
    if len(times) < limit:
        return timedelta()
    return max(timedelta(), times[-limit] + window - now)
