"""Send the requests of a recording to the sandbox, and compare the answers.

    replayer = Replayer(recording, VERSIONS["2025-08"])
    for exchange in recording.exchanges:
        differences = await replayer.replay(exchange)

A recording keeps no headers of requests. Those that matter follow from the recorded answer: a media type, ``Accept``,
a broken CSRF token, and who was signed in.
"""

from collections.abc import Mapping
from typing import Any

import httpx

from projects_mcp.sandbox.app import create_app
from projects_mcp.sandbox.world.behaviour import Behaviour
from tests.support.recording import CSRF_TOKEN, Exchange, Recording, build_recorded_world, key_value, session_id
from tests.support.replay_state import TOKENS, Synchronizer, find_content_type, is_project, operation

ORIGIN = "http://127.0.0.1:18000"
"""The address of the recorded PostHog, which is in the links of its lists."""

_TIMES = frozenset({"created_at", "updated_at", "last_used_at"})
_INVENTED = frozenset({"id", "mask_value"})
_LEVELS = {15: "owner", 8: "admin", 1: "member"}


class Replayer:
    """Replays one recording on one world."""

    def __init__(self, recording: Recording, behaviour: Behaviour, *, learns_order: bool = False) -> None:
        self.recording = recording
        self.world = build_recorded_world(recording, behaviour)
        self.state = Synchronizer(self.world, learns_order=learns_order)
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(app=create_app(self.world)), base_url=ORIGIN)

    async def replay(self, exchange: Exchange) -> list[str]:
        """Send one request and return the differences of the answer: none if it is equal."""
        name = self._find_user(exchange)
        user = self.recording.meta["users"].get(name, {}).get("id")
        self.state.prepare(exchange, user)
        before = self._updated_at(exchange)
        response = await self._http.send(self._build_request(exchange, name))
        answered = response.json() if response.content else None
        found = list(self._compare(exchange, response.status_code, answered, before))
        self.state.adopt(exchange)
        return found

    def _find_user(self, exchange: Exchange) -> str:
        """Return the name of the user behind an exchange. A session is the owner's, unless the answer shows another."""
        if exchange.who != "session":
            return exchange.who.partition("_")[0]
        if is_project(exchange.response):
            return _LEVELS[exchange.response["effective_membership_level"]]
        if exchange.detail.startswith("You must be an admin of both"):
            return "admin"
        known = isinstance(exchange.sent, dict) and exchange.sent.get("organization_id") in self._homes("owner")
        if exchange.detail.startswith("You must be a member of the target") and known:
            return "member"
        return "member" if "sufficient permissions" in exchange.detail else "owner"

    def _homes(self, user: str) -> set[str]:
        number = self.recording.meta["users"][user]["id"]
        return {organization for member, organization in self.world.memberships if member == number}

    def _build_request(self, exchange: Exchange, user: str) -> httpx.Request:
        headers = self._credentials(exchange, user)
        if exchange.user_agent:
            headers["user-agent"] = exchange.user_agent
        if exchange.status == 406:
            headers["accept"] = "application/xml"
        if exchange.request is not None:
            headers["content-type"] = find_content_type(exchange)
        return self._http.build_request(exchange.method, exchange.path, headers=headers, content=exchange.request)

    def _credentials(self, exchange: Exchange, user: str) -> dict[str, str]:
        who = exchange.who
        if who.startswith("other:"):
            return {"authorization": who.removeprefix("other:")}
        if who != "session":
            unknown = {"unknown_key": "phx_unknown00000", "unknown_token": "pha_unknown00000"}
            return {} if who == "nobody" else {"authorization": f"Bearer {unknown.get(who, key_value(who))}"}
        session = "expired" if exchange.status == 401 else session_id(user)
        headers = {"cookie": f"sessionid={session}; posthog_csrftoken={CSRF_TOKEN}", "x-csrftoken": CSRF_TOKEN}
        if "HTTP header incorrect" in exchange.detail:
            headers["x-csrftoken"] = CSRF_TOKEN[::-1]
        if "cookie not set" in exchange.detail:
            headers["cookie"] = f"sessionid={session}"
        if "token missing" in exchange.detail:
            del headers["x-csrftoken"]
        if "Origin checking failed - " in exchange.detail:
            headers["origin"] = exchange.detail.partition(" - ")[2].partition(" ")[0]
        return headers

    def _updated_at(self, exchange: Exchange) -> str | None:
        if not is_project(exchange.response) or exchange.response["id"] not in self.world.projects:
            return None
        return str(self.world.projects[exchange.response["id"]].fields["updated_at"])

    def _compare(self, exchange: Exchange, status: int, answered: Any, before: str | None) -> list[str]:
        recorded = exchange.response
        if status != exchange.status:
            return [f"status {status} instead of {exchange.status}: {answered} instead of {recorded}"[:300]]
        if is_project(recorded):
            return self._compare_project(exchange, answered, before)
        if isinstance(recorded, dict) and "count" in recorded:
            return _compare_list(recorded, answered)
        if isinstance(recorded, dict) and "total_count" in recorded:
            return _compare_activity(recorded, answered)
        if operation(exchange) == "@current" and status == 200 and isinstance(answered, dict):
            return _compare_fields(recorded, answered, _TIMES | _INVENTED)
        return [] if answered == recorded else [f"{answered} instead of {recorded}"[:300]]

    def _compare_project(self, exchange: Exchange, answered: Any, before: str | None) -> list[str]:
        recorded, skipped = exchange.response, set(_TIMES) | {"live_events_token", "product_intents"}
        token = TOKENS.get(operation(exchange))
        created = exchange.method == "POST" and operation(exchange) == "projects"
        if created:
            skipped |= {"uuid", "api_token"}
        if token is not None:
            skipped.add(token)
        if token == "secret_api_token":
            skipped.add("secret_api_token_backup")  # checked by the tests of the operation: it is the one before
        found = _compare_fields(recorded, answered, frozenset(skipped))
        for name in (token, "live_events_token", "secret_api_token_backup"):
            if name is not None and (answered.get(name) is None) is not (recorded.get(name) is None):
                found.append(f"{name} is {answered.get(name)} instead of {recorded.get(name)}")
        if before is not None and recorded["updated_at"] == before != answered["updated_at"]:
            found.append("updated_at changed")
        if _summarize(answered["product_intents"]) != _summarize(recorded["product_intents"]):
            found.append(f"product_intents {answered['product_intents']} instead of {recorded['product_intents']}")
        return found


def _summarize(intents: Any) -> list[tuple[str, bool]]:
    return [(intent["product_type"], intent["onboarding_completed_at"] is None) for intent in intents]


def _compare_fields(recorded: Mapping[str, Any], answered: Mapping[str, Any], skipped: frozenset[str]) -> list[str]:
    found = [f"{name} is missing" for name in recorded.keys() - answered.keys()]
    found += [f"{name} is too much" for name in answered.keys() - recorded.keys()]
    both = (recorded.keys() & answered.keys()) - skipped
    return found + [
        f"{name} is {answered[name]!r} instead of {recorded[name]!r}"[:300]
        for name in sorted(both)
        if answered[name] != recorded[name] or type(answered[name]) is not type(recorded[name])
    ]


def _compare_list(recorded: Mapping[str, Any], answered: Mapping[str, Any]) -> list[str]:
    found = _compare_fields(recorded, answered, frozenset({"results"}))
    ids = [[row["id"] for row in page["results"]] for page in (recorded, answered)]
    if ids[0] != ids[1]:
        found.append(f"ids {ids[1]} instead of {ids[0]}"[:300])
    rows = {row["id"]: row for row in answered["results"]}
    for row in recorded["results"]:
        if row["id"] in rows:
            found += _compare_fields(row, rows[row["id"]], frozenset())
    return found


def _compare_activity(recorded: Mapping[str, Any], answered: Mapping[str, Any]) -> list[str]:
    """Compare two pages of an activity log.

    The recorded log has the entries of missing exchanges as well, so ours must be among them, in the same order.
    """
    if not recorded["results"] or not answered["results"]:
        return [] if recorded["total_count"] >= answered["total_count"] else ["too many entries"]
    found = _compare_fields(recorded["results"][0], answered["results"][0], frozenset(recorded["results"][0]))
    theirs, ours = map(_describe, recorded["results"]), [_describe(entry) for entry in answered["results"]]
    matched = 0
    for entry in theirs:
        if matched < len(ours) and entry == ours[matched]:
            matched += 1
    older = recorded["total_count"] - len(recorded["results"])
    if len(ours) - matched > older:
        found.append(f"no entry such as {ours[matched]}")
    return found


def _describe(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    detail = entry["detail"]
    return entry["user"], entry["activity"], entry["scope"], entry["item_id"], detail["name"], detail["changes"]
