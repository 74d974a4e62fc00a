"""A plan: what would change in which projects, as data, and what a person is told of it. No I/O.

Its id is the SHA-256 of its steps, so a yes to a plan is a yes to exactly these projects and values.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

from projects_mcp.api.json_values import canonical
from projects_mcp.api.settings_diff import SettingsDiff, expected_after
from projects_mcp.api.settings_impact import MAY_BE_IRREVERSIBLE, describe_impact, irreversible, lowers_privacy
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.fleet.values import value_text
from projects_mcp.sanitize.redaction import Redactor

__all__ = ["MOST_STEPS", "Plan", "PlanSummary", "Step", "Wanted", "confirm_words", "minutes_for", "step_for"]

MOST_STEPS: Final = 2_000
"""Projects in one plan: PostHog's own cap of projects in an organization."""
_FEW: Final = 3
"""Projects that change in one way and are so few that they are named."""
_MOST_NAMED: Final = 20
_MOST_GROUPS: Final = 10
"""Changes of one setting that are told apart, the most frequent first."""
_MOST_SENTENCES: Final = 10
_A_MINUTE: Final = 350
_AN_HOUR: Final = 3_500
"""Requests that work on many projects sends at the most: see `state/sliding_windows`."""


class Wanted(NamedTuple):
    """What is wanted of one project.

    Attributes:
        settings: setting -> value to write. None of them is null.
        clear: settings to set to null.
    """

    settings: Mapping[str, Any]
    clear: tuple[str, ...] = ()

    @property
    def body(self) -> dict[str, Any]:
        """What is sent: setting -> value, null to clear."""
        return {**self.settings, **dict.fromkeys(self.clear)}


class Step(NamedTuple):
    """The change of one project: one request.

    Attributes:
        project_id: of the project.
        name: of the project, as it was when the plan was made, without secrets.
        organization: the UUID of the one that it is in; empty if PostHog does not say.
        before: setting -> its value when the plan was made.
        sent: setting -> value that is written; null clears it.
    """

    project_id: int
    name: str
    organization: str
    before: dict[str, Any]
    sent: dict[str, Any]

    @property
    def after(self) -> dict[str, Any]:
        """Setting -> its value as it should be afterwards, by PostHog's rules of merging and normalising."""
        whole = expected_after(self.sent, self.before, all_known=True)
        return {name: whole[name] for name in self.sent}

    @property
    def changed(self) -> dict[str, dict[str, Any]]:
        """Setting -> its value before and after."""
        after = self.after
        return {
            name: {"before": SETTINGS[name].plain(self.before.get(name)), "after": SETTINGS[name].plain(after[name])}
            for name in self.sent
        }

    @property
    def lost(self) -> dict[str, str]:
        """The settings whose change cannot be undone, each with what is lost, as a sentence."""
        return {} if MAY_BE_IRREVERSIBLE.isdisjoint(self.sent) else irreversible(self.changed)

    @property
    def shown(self) -> str:
        """The project as it is named in texts."""
        return f"{self.name} ({self.project_id})"

    def dump(self) -> str:
        """Return it as one JSON text."""
        return json.dumps(list(self), separators=(",", ":"))

    @classmethod
    def load(cls, text: str) -> Step:
        """Read one back.

        Raises:
            ValueError, TypeError: the text is not one of ours.
        """
        return cls(*json.loads(text))


def step_for(project: Mapping[str, Any], name: str, wanted: Wanted) -> tuple[Step | None, list[str]]:
    """Return the step that makes a project as it is wanted, and the settings that this PostHog does not know.

    Args:
        project: as it was read, with at least the settings that are wanted.
        name: of the project, without secrets.
        wanted: of it.

    Returns:
        None for the step if nothing would change.
    """
    body = wanted.body
    diff = SettingsDiff.between(body, project, expected_after(body, project))
    sent = {setting: body[setting] for setting in diff.changed}
    if not sent:
        return None, diff.unknown
    before = {setting: project.get(setting) for setting in sent}
    return Step(project["id"], name, str(project.get("organization") or ""), before, sent), diff.unknown


def confirm_words(projects: int) -> str:
    """Return the words that a person agrees to: those of `confirm_plan`."""
    return f"change {projects} project{'' if projects == 1 else 's'}"


def minutes_for(requests: int) -> int:
    """Return the minutes that so many requests take within the share of a key's limits that work on many may use."""
    hours, rest = divmod(max(requests - 1, 0), _AN_HOUR)
    return hours * 60 + math.ceil((rest + 1) / _A_MINUTE)


class PlanSummary(NamedTuple):
    """What a person is told of a plan.

    Attributes:
        groups: setting -> change, such as `false -> true` -> number of projects.
        exceptions: a line for each change of few projects, with their names.
        lowers_privacy: sentences, with the number of projects.
        cannot_be_undone: as above.
        warnings: what else the change reaches, as above.
        protected: protected projects among those that change.
    """

    groups: dict[str, dict[str, int]]
    exceptions: list[str]
    lowers_privacy: list[str]
    cannot_be_undone: list[str]
    warnings: list[str]
    protected: list[str]


@dataclass(frozen=True)
class Plan:
    """Steps that are carried out together.

    Attributes:
        steps: by the id of the project, each project once.
        reverts: whether it undoes another one. Then a setting that others have changed is left alone by itself, and
            the rest of its project is still restored.
    """

    steps: tuple[Step, ...]
    reverts: bool = False

    @cached_property
    def id(self) -> str:
        """The SHA-256 of the steps, in hexadecimal digits."""
        text = canonical([list(step) for step in self.steps]) + ("revert" if self.reverts else "")
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def words(self) -> str:
        """What a person agrees to."""
        return confirm_words(len(self.steps))

    @property
    def requests(self) -> int:
        """Requests that it takes: each project is read, and written."""
        return 2 * len(self.steps)

    @property
    def minutes(self) -> int:
        """Minutes that it takes at the least."""
        return minutes_for(self.requests)

    @cached_property
    def is_irreversible(self) -> bool:
        """Whether any of it cannot be undone."""
        return any(step.lost for step in self.steps)

    def summary(self, redactor: Redactor, protected: Collection[int] = ()) -> PlanSummary:
        """Return what a person is told. Secrets are removed.

        Args:
            redactor: removes them.
            protected: projects that the operator protects.
        """
        groups, exceptions = self._groups(redactor)
        lowered, warned, lost = self._consequences(redactor)
        named = [step.shown for step in self.steps if step.project_id in protected]
        return PlanSummary(groups, exceptions, lowered, lost, warned, _first(named))

    def _groups(self, redactor: Redactor) -> tuple[dict[str, dict[str, int]], list[str]]:
        text = _remembered(lambda name, value: value_text(redactor, name, value))
        found: dict[str, dict[str, list[Step]]] = {}
        for step in self.steps:
            for name, both in step.changed.items():
                change = f"{text(name, both['before'])} -> {text(name, both['after'])}"
                found.setdefault(name, {}).setdefault(change, []).append(step)
        groups: dict[str, dict[str, int]] = {}
        exceptions: list[str] = []
        for name, by_change in found.items():
            ordered = sorted(by_change.items(), key=lambda item: (-len(item[1]), item[0]))
            groups[name] = {change: len(steps) for change, steps in ordered[:_MOST_GROUPS]}
            if others := sum(len(steps) for _, steps in ordered[_MOST_GROUPS:]):
                groups[name]["(other changes)"] = others
            exceptions += [
                f"{name} {change}: {', '.join(step.shown for step in steps)}"
                for change, steps in ordered
                if len(steps) <= _FEW
            ]
        return groups, _first(exceptions)

    def _consequences(self, redactor: Redactor) -> tuple[list[str], list[str], list[str]]:
        """Return what lowers privacy, what else is reached, and what cannot be undone, each with how many projects."""
        lowered, warned, lost = Counter[str](), Counter[str](), Counter[str]()
        known: dict[str, tuple[list[str], list[str], list[str]]] = {}
        for step in self.steps:
            changed = step.changed
            key = canonical(changed)
            if key not in known:
                shown = redactor.value(changed)  # a sentence cuts what it quotes, so secrets are removed before
                private = lowers_privacy(shown)
                said = [sentence for sentence in describe_impact(shown) if sentence not in private]
                known[key] = private, said, list(step.lost.values())
            for counter, sentences in zip((lowered, warned, lost), known[key], strict=True):
                counter.update(sentences)
        return _counted(lowered), _counted(warned), _counted(lost)


def _remembered(function: Callable[[str, Any], str]) -> Callable[[str, Any], str]:
    """Return the same function, which works once for equal values."""
    known: dict[tuple[str, str], str] = {}

    def remembered(name: str, value: Any) -> str:
        key = name, canonical(value)
        if key not in known:
            known[key] = function(name, value)
        return known[key]

    return remembered


def _counted(sentences: Counter[str]) -> list[str]:
    ordered = sorted(sentences.items(), key=lambda item: (-item[1], item[0]))
    lines = [f"{sentence} ({number} project{'' if number == 1 else 's'})" for sentence, number in ordered]
    return _first(lines, _MOST_SENTENCES)


def _first(lines: Sequence[str], most: int = _MOST_NAMED) -> list[str]:
    return [*lines[:most], *([f"and {len(lines) - most} more"] if len(lines) > most else [])]
