"""A PostHog whose list is a heap without order, as the real one's is, and that changes between two requests."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from projects_mcp.sandbox import ACME_ID


@dataclass
class MovingList:
    """It answers the list of projects only.

    Attributes:
        names: the projects as they lie in the heap, by id.
        largest: rows on a page at the most, whatever is asked for.
        searches: whether it knows `search`.
        between: what happens after each request, until it is used up.
        change: changes an answer.
    """

    names: dict[int, str]
    largest: int = 500
    searches: bool = False
    between: Iterator[Callable[[dict[int, str]], dict[int, str]]] = field(default_factory=lambda: iter(()))
    change: Callable[[dict[str, Any]], Any] = lambda page: page
    requests: list[dict[str, str]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        listing = scope["path"].endswith("/projects/") and scope["method"] == "GET"
        status, body = (200, self._page(scope)) if listing else (404, {"detail": "Not found."})
        if body is None:
            status, body = 500, {"type": "server_error", "code": "error", "detail": "A server error occurred."}
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    def _page(self, scope: Any) -> Any:
        query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
        self.requests.append(query)
        phrase = query.get("search", "").casefold() if self.searches else ""
        rows = [(number, name) for number, name in self.names.items() if phrase in name.casefold()]
        offset, limit = int(query.get("offset", 0)), min(int(query.get("limit", 100)), self.largest)
        page = {
            "count": len(rows),
            "next": "https://posthog.test/next" if offset + limit < len(rows) else None,
            "previous": None,
            "results": [
                {"id": number, "name": name, "organization": ACME_ID} for number, name in rows[offset : offset + limit]
            ],
        }
        self.names = next(self.between, lambda names: names)(self.names)
        return self.change(page)


def moved(names: dict[int, str], source: int, target: int) -> dict[int, str]:
    """The heap after the row at one place has been edited, and stands at another place."""
    if not names:
        return names
    rows = list(names.items())
    row = rows.pop(source % len(rows))
    rows.insert(target % (len(rows) + 1), row)
    return dict(rows)
