"""Keep the state of the sandbox that of the recorded PostHog, though a part of the exchanges is missing.

Before an exchange, `prepare` learns from its recorded answer what missing exchanges have changed: whatever the exchange
itself does not decide. So an answer is not compared with itself: what a request sets, refuses, merges or counts is the
sandbox's own doing. After an exchange, `adopt` takes over what PostHog invents: tokens, ids and times.
"""

import re
from dataclasses import replace
from datetime import datetime
from typing import Any

from projects_mcp.sandbox.world.behaviour import Behaviour
from projects_mcp.sandbox.world.state import ProductIntent, Project, World
from projects_mcp.sandbox.world_file import add_project
from tests.support.recording import Exchange

OF_THE_ASKER = frozenset(
    {"effective_membership_level", "user_access_level", "live_events_token", "product_intents", "default_modifiers"}
)
"""Fields that are not stored with a project, or not by this API."""

TOKENS = {"reset_token": "api_token", "rotate_secret_token": "secret_api_token"}
"""The field that an operation writes, by operation."""

_INTENTS = frozenset({"add_product_intent", "complete_product_onboarding"})
_FILLER_ID = 1_000_000


def is_project(body: Any) -> bool:
    return isinstance(body, dict) and "id" in body and "effective_membership_level" in body


def operation(exchange: Exchange) -> str:
    """Return the last part of the address: the name of an operation, or an id."""
    return exchange.path.partition("?")[0].rstrip("/").rpartition("/")[2]


class Synchronizer:
    """Keeps one world in step with a recording.

    With `learns_order` the order of rows is learned as well. Where much is missing it has to be: an update moves a row.
    """

    def __init__(self, world: World, *, learns_order: bool = False) -> None:
        self.world = world
        self._learns_order = learns_order
        self.behaviour: Behaviour = world.behaviour

    def prepare(self, exchange: Exchange, user_id: int | None) -> None:
        """Learn from the recorded answer what the exchange itself does not decide."""
        # The engine behind deletions was down at first: that is a condition of the recording, and no rule.
        down = exchange.method == "DELETE" and exchange.status == 500
        self.world.behaviour = replace(self.behaviour, deletion_fails=down)
        if is_project(exchange.response):
            self._prepare_project(exchange, user_id)
        elif isinstance(exchange.response, dict) and "count" in exchange.response:
            self._prepare_list(exchange)
        elif exchange.method == "GET" and exchange.detail == "Not found." and user_id is not None:
            self._prepare_missing(exchange, user_id)

    def _prepare_project(self, exchange: Exchange, user_id: int | None) -> None:
        body = exchange.response
        if exchange.method == "POST" and operation(exchange) == "projects":
            self.world.next_project_id = body["id"]
            if body["primary_dashboard"] is not None:
                self.world.next_dashboard_id = body["primary_dashboard"]
            return
        if "/projects/@current" in exchange.path and user_id is not None:
            self.world.users[user_id].current_project_id = body["id"]
        project = self.world.projects.get(body["id"]) or add_project(self.world, body)
        if operation(exchange) not in _INTENTS and "product_intents" in body:
            project.intents = {intent["product_type"]: _intent(intent) for intent in body["product_intents"]}
        decided = self._decided(exchange)
        for name, value in body.items():
            if name in decided and isinstance(exchange.sent, dict):
                _learn_unsent_keys(project, name, exchange.sent.get(name), value)
            elif name in project.fields and name not in OF_THE_ASKER and name not in decided:
                project.fields[name] = value
        if body.get("primary_dashboard") is not None and "primary_dashboard" not in decided:
            project.dashboards.add(body["primary_dashboard"])

    def _decided(self, exchange: Exchange) -> frozenset[str]:
        """Return the fields of the project that the exchange may change."""
        name = operation(exchange)
        if exchange.method == "GET" or name in _INTENTS:
            return frozenset()
        if name == "change_organization":
            return frozenset({"organization", "updated_at"})
        if name == "delete_secret_token_backup":
            return frozenset({"secret_api_token_backup", "updated_at"})
        if name == "rotate_secret_token":
            # A rotation whose token is the backup afterwards tells the token before it.
            return frozenset({"secret_api_token", "secret_api_token_backup", "updated_at"})
        if name in TOKENS:
            return frozenset({TOKENS[name], "updated_at"})
        sent = frozenset(exchange.sent) if isinstance(exchange.sent, dict) else frozenset({"timezone"})
        return sent | {"updated_at"}

    def _prepare_list(self, exchange: Exchange) -> None:
        page = exchange.response
        rows, ids = page["results"], {row["id"] for row in page["results"]}
        moved = 0
        for row in rows:
            project = self.world.projects.get(row["id"])
            if project is None:  # created by a missing exchange, in the place where it is listed
                project = add_project(self.world, row)
                project.moved = moved
            moved = project.moved
            project.fields.update({name: value for name, value in row.items() if name in project.fields})
        if not rows:
            return
        organization = rows[0]["organization"]
        known = [p for p in self.world.projects.values() if p.organization_id == organization]
        if len(rows) == page["count"]:
            for project in known:
                if project.id not in ids:
                    self.world.remove(project)
            if self._learns_order:
                for row in rows:
                    self.world.move(self.world.projects[row["id"]])
        for number in range(page["count"] - len(known)):
            add_project(
                self.world, {"id": _FILLER_ID + number, "organization": organization, "name": f"Missing {number}"}
            )

    def _prepare_missing(self, exchange: Exchange, user_id: int) -> None:
        """Learn that a missing exchange has deleted a project, which nobody sees any more."""
        found = re.search(r"/organizations/([^/]*)/projects/(\d+)", exchange.path)
        project = self.world.projects.get(int(found[2])) if found else None
        if found is None or project is None:
            return
        home = self.world.users[user_id].current_organization_id if found[1] == "@current" else found[1]
        if project.organization_id == home and self.world.level(user_id, home) is not None:
            self.world.remove(project)

    def adopt(self, exchange: Exchange) -> None:
        """Take over what PostHog has invented: tokens, ids and times."""
        body = exchange.response
        if is_project(body) and body["id"] in self.world.projects:
            project = self.world.projects[body["id"]]
            if operation(exchange) == "reset_token":
                _rename_token(project, body["api_token"])
            stored = {name: value for name, value in body.items() if name in project.fields}
            project.fields.update({name: value for name, value in stored.items() if name not in OF_THE_ASKER})


def _rename_token(project: Project, token: str) -> None:
    """Put PostHog's new token into the last entry of the log, which holds it in clear."""
    entry = project.activity[-1]
    changes = tuple({**change, "after": token} for change in entry.changes)
    project.activity[-1] = replace(entry, changes=changes)


def _learn_unsent_keys(project: Project, name: str, sent: Any, answered: Any) -> None:
    """Learn from a merged object the keys that were stored before."""
    stored = project.fields.get(name)
    if not (isinstance(sent, dict) and isinstance(answered, dict)):
        return
    unsent = {key: value for key, value in answered.items() if key not in sent}
    if unsent and name in {"survey_config", "session_replay_config"}:
        project.fields[name] = {**(stored if isinstance(stored, dict) else {}), **unsent}


def _intent(shown: dict[str, Any]) -> ProductIntent:
    completed = shown["onboarding_completed_at"]
    return ProductIntent(
        shown["product_type"],
        datetime.fromisoformat(shown["created_at"]),
        datetime.fromisoformat(shown["updated_at"]),
        None if completed is None else datetime.fromisoformat(completed),
    )


def find_content_type(exchange: Exchange) -> str:
    """Return the media type of a request, of which a recording keeps only the body and the answer."""
    named = re.search(r'media type "([^"]*)"', exchange.detail)
    if named:
        return named[1]
    is_form = exchange.sent is None and exchange.request != "null" and exchange.status < 400
    return "application/x-www-form-urlencoded" if is_form else "application/json"
