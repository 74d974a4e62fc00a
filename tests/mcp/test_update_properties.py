"""Random updates: a receipt is a partition, claims only what happened, and undoes it."""

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.sandbox import MOBILE_ID, PRODUCTION_ID
from tests.support.harness import Harness, body_of, text_of
from tests.support.settings_values import GOOD, NEEDS_MORE, without_time

_NAMES = st.sampled_from(
    sorted(set(GOOD) - NEEDS_MORE | {n for n, s in SETTINGS.items() if s.schema["type"] == "boolean"})
)


@dataclass(frozen=True)
class Update:
    """One random update, and the version of PostHog that it meets."""

    project: int
    sent: dict[str, Any]
    cleared: frozenset[str]
    ignored: frozenset[str]
    renamed: dict[str, Any]
    surveys: dict[str, Any] | None
    """What the project has in `survey_config`, which is merged, before the update."""


_CONFIGS = st.dictionaries(st.sampled_from(["appearance", "color", "font"]), st.integers(0, 1), max_size=3)


@st.composite
def updates(draw: st.DrawFn) -> Update:
    names = draw(st.lists(_NAMES, min_size=1, max_size=6, unique=True))
    cleared = frozenset(name for name in names if SETTINGS[name].nullable and draw(st.booleans()))
    return Update(
        project=draw(st.sampled_from([PRODUCTION_ID, MOBILE_ID])),
        sent={name: draw(_value(name)) for name in names if name not in cleared},
        cleared=cleared,
        ignored=frozenset(name for name in names if draw(st.integers(0, 5)) == 0),
        renamed={"timezone": "Africa/Abidjan"} if draw(st.booleans()) else {},
        surveys=draw(st.none() | _CONFIGS),
    )


@settings(max_examples=200)
@given(update=updates())
def test_a_receipt_is_a_partition_claims_only_what_happened_and_undoes_it(update: Update) -> None:
    anyio.run(_one_update, update)


async def _one_update(update: Update) -> None:
    harness, project = Harness(), update.project
    behaviour = harness.world.behaviour
    harness.world.behaviour = replace(behaviour, ignored_fields=update.ignored, renamed_values=update.renamed)
    harness.fields(project)["survey_config"] = update.surveys
    before = deepcopy(harness.fields(project))
    arguments = {"project_id": project, "settings": update.sent, "clear": sorted(update.cleared)}
    async with harness.client() as client:
        result = await client.call_tool("project_update", arguments)
        after = harness.fields(project)
        if result.is_error:
            assert without_time(after) == without_time(before), text_of(result)
            return
        body = body_of(result)
        parts = [*body["changed"], *body["ignored"], *body["unchanged"]]
        assert sorted(parts) == sorted({*update.sent, *update.cleared}), "each field is in exactly one part"
        for name in parts:
            normal = SETTINGS[name].normal
            assert (name in body["changed"]) == (normal(after[name]) != normal(before[name]))
        assert not set(body["changed"]) & update.ignored
        if "revert" in body and "not_revertible" not in body and "logs_settings" not in body["changed"]:
            harness.world.behaviour = behaviour
            body_of(await client.call_tool("project_update", {"project_id": project, **body["revert"]}))
            left = {name for name in before if harness.fields(project)[name] != before[name]} - {"updated_at"}
            assert left == set()


def _value(name: str) -> st.SearchStrategy[Any]:
    if name == "survey_config":
        return _CONFIGS
    if SETTINGS[name].schema["type"] == "boolean":
        return st.booleans()
    if SETTINGS[name].schema.get("enum"):
        return st.sampled_from(list(SETTINGS[name].schema["enum"]))
    return st.just(GOOD[name])
