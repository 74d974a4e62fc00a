"""Dates in headers of HTTP."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["parse_http_date"]


def parse_http_date(value: str) -> datetime | None:
    """Read a date as RFC 9110, section 5.6.7, writes it; None for anything else."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - rare, and slow to import

    try:
        at = parsedate_to_datetime(value)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
