"""Mutants of files of settings: for whom they are, what they may hold, and who agrees to applying one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dev.mutants.mutant import Mutant

__all__ = ["SETTINGS_FILES"]

_DOCUMENT: Final = "src/projects_mcp/fleet/settings_document.py"
_SAID: Final = "tests/unit/test_settings_document.py::test_what_is_wrong_is_said_with_its_place"
_RESOLVING: Final = "tests/unit/test_resolving.py::"

SETTINGS_FILES: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "A file of settings changes what it names, where it belongs, and nothing else": (
        Mutant(
            "take-a-file-of-another-posthog",
            "src/projects_mcp/cli/fleet/settings_input.py",
            "    if theirs != ours:\n",
            "    if theirs != ours and not host:\n",
            ("tests/process/test_drift.py::test_a_file_of_another_place_is_refused_before_anything_is_asked",),
        ),
        Mutant(
            "take-a-file-of-another-organization",
            "src/projects_mcp/cli/fleet/settings_input.py",
            "if settings.organization not in (CURRENT, organization):",
            "if settings.organization not in (CURRENT, organization, settings.organization):",
            ("tests/process/test_drift.py::test_a_file_of_another_place_is_refused_before_anything_is_asked",),
        ),
        Mutant(
            "take-a-secret-from-a-file",
            _DOCUMENT,
            "    if name in SECRET_FIELDS:\n",
            "    if name in SECRET_FIELDS and not name:\n",
            (_SAID,),
        ),
        Mutant(
            "let-the-first-of-two-groups-win",
            "src/projects_mcp/fleet/resolving.py",
            "    if disagreements:\n",
            "    if disagreements and not projects:\n",
            (f"{_RESOLVING}test_groups_that_disagree_are_named_with_the_setting_and_the_project",),
        ),
        Mutant(
            "let-a-group-win-over-an-id",
            "src/projects_mcp/fleet/resolving.py",
            "            **said,\n",
            "",
            (f"{_RESOLVING}test_an_id_wins_over_a_group_and_a_group_over_the_defaults",),
        ),
        Mutant(
            "read-a-key-of-any-number-of-parts",
            "src/projects_mcp/fleet/toml_lines.py",
            "if self._dots >= _MOST_PARTS:",
            "if self._dots >= 10 * _MOST_PARTS * self._line:",
            ("tests/unit/test_settings_document.py::test_a_key_has_sixteen_parts_at_most",),
        ),
        Mutant(
            "agree-to-a-plan-by-any-word",
            "src/projects_mcp/cli/fleet/plan_approver.py",
            "if typed == question.phrase:",
            "if typed:",
            ("tests/process/test_apply_at_terminal.py::test_a_person_sees_the_plan_and_types_its_words",),
        ),
        Mutant(
            "begin-a-file-anew-after-a-kill",
            "src/projects_mcp/cli/fleet/apply.py",
            "        if text is not None:\n",
            "        if text is not None and not text:\n",
            ("tests/process/test_apply_at_terminal.py::test_after_a_kill_the_same_command_goes_on",),
        ),
    ),
}
