"""A PostHog with one project that merges, replaces, adds and ignores as a test says; it knows nothing but settings."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from projects_mcp.sandbox import ACME_ID, PRODUCTION_ID

Fields = dict[str, Any]


@dataclass
class SettingsPostHog:
    """It answers GET and PATCH of one project.

    Attributes:
        settings: of the project, as they are stored. What is not there does not exist in this version.
        write: what becomes of a stored value and a sent one; by default the sent one takes its place.
        answer: changes an answer.
        number: the id of the project.
    """

    settings: Fields
    write: Callable[[str, Any, Any], Any] = lambda _name, _stored, sent: sent
    answer: Callable[[Fields], Fields] = lambda project: project
    number: int = PRODUCTION_ID
    sent: list[Fields] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "PATCH":
            body = json.loads((await receive())["body"])
            self.sent.append(body)
            self.settings |= {
                name: self.write(name, self.settings[name], value)
                for name, value in body.items()
                if name in self.settings
            }
        ours = scope["path"].endswith(f"/projects/{self.number}/")
        identity = {"id": self.number, "name": "Acme web", "organization": ACME_ID, "api_token": "phc_public_0001"}
        project = self.answer({**identity, **self.settings}) if ours else {"detail": "Not found."}
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200 if ours else 404, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(project).encode()})


def merged(name: str, stored: Any, sent: Any) -> Any:
    """Merge keys as newer versions do, and the sources of marketing one by one: null takes one away."""
    if not isinstance(stored, dict) or not isinstance(sent, dict):
        return sent
    result = {**stored, **sent}
    if name == "marketing_analytics_config" and isinstance(sent.get("sources_map"), dict):
        sources = {**stored.get("sources_map", {}), **sent["sources_map"]}
        result["sources_map"] = {key: item for key, item in sources.items() if item is not None}
    return result
