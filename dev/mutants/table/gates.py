"""Mutants of the gates: callers that are withdrawn, keys, organizations, flags, the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dev.mutants.mutant import Mutant

__all__ = ["GATES"]

_HOLD: Final = "tests/security/test_limits_hold.py::"
_WITHDRAWN: Final = "tests/process/test_http_caller_checks.py::"
_LEAVING: Final = "tests/security/test_withdrawal.py::"
_CONTEXT: Final = "src/projects_mcp/gateway/context.py"
_KEY: Final = "src/projects_mcp/gateway/key_access.py"

GATES: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "A caller that was taken out does nothing more": (
        Mutant(
            "change-where-assistants-may-only-read",
            "src/projects_mcp/policy/authorization.py",
            "closed = organization in key.read_only if concrete else",
            "closed = False if concrete else",
            ("tests/mcp/test_organizations.py::test_an_organization_that_lets_assistants_only_read_is_obeyed",),
        ),
        Mutant(
            "look-at-a-caller-before-its-body-only",
            "src/projects_mcp/http/caller_checks.py",
            'if state["callers"] is not self._tenants.callers or time.time() >= state["expires_at"]:',
            'if time.time() >= state["expires_at"]:',
            (f"{_WITHDRAWN}test_a_token_that_is_taken_out_while_its_body_arrives_does_nothing",),
        ),
        Mutant(
            "look-at-a-token-before-its-body-only",
            "src/projects_mcp/http/caller_checks.py",
            ' or time.time() >= state["expires_at"]:',
            ":",
            ("tests/process/test_http_jwt_callers.py::test_a_token_that_expires_while_its_body_arrives_does_nothing",),
        ),
        Mutant(
            "let-a-call-go-on-when-its-token-has-expired",
            "src/projects_mcp/policy/standing.py",
            "return self._caller.withdrawn or self._clock() >= self._expires_at",
            "return self._caller.withdrawn",
            ("tests/process/test_http_jwt_callers.py::test_a_token_that_expires_during_a_call_writes_nothing",),
        ),
        Mutant(
            "let-a-token-outlive-its-caller",
            "src/projects_mcp/policy/standing.py",
            "return self._caller.withdrawn or self._clock() >= self._expires_at",
            "return self._clock() >= self._expires_at",
            (f"{_LEAVING}test_the_standing_of_a_token_ends_with_its_caller_or_its_time",),
        ),
        Mutant(
            "let-a-call-go-on-without-its-caller",
            "src/projects_mcp/http/tenants.py",
            "standing.withdrawn = True",
            "standing.withdrawn = False",
            (f"{_WITHDRAWN}test_a_caller_whose_rights_change_during_a_call_writes_nothing",),
        ),
        Mutant(
            "look-at-the-token-and-not-at-its-rights",
            "src/projects_mcp/http/tenants.py",
            "if now is None or now.rights != caller.rights:",
            "if now is None:",
            (f"{_WITHDRAWN}test_a_caller_whose_rights_change_during_a_call_writes_nothing",),
        ),
        Mutant(
            "read-on-for-a-withdrawn-caller",
            _CONTEXT,
            "if self.services.standing.withdrawn and not self.write_left:  # else what became of a write is read back",
            "if False:",
            (f"{_LEAVING}test_at_whatever_request_nothing_more_leaves_and_no_write_begins",),
        ),
        Mutant(
            "read-nothing-back-for-a-withdrawn-caller",
            _CONTEXT,
            "if self.services.standing.withdrawn and not self.write_left:  # else what became of a write is read back",
            "if self.services.standing.withdrawn:",
            (f"{_LEAVING}test_what_became_of_a_lost_write_is_read_back",),
        ),
        Mutant(
            "record-the-intent-of-a-withdrawn-caller",
            _CONTEXT,
            """        if self.services.standing.withdrawn:
            raise CallerWithdrawn
        await self.audit.intent(organization, body)
""",
            "        await self.audit.intent(organization, body)\n",
            (f"{_LEAVING}test_at_whatever_request_nothing_more_leaves_and_no_write_begins",),
        ),
        Mutant(
            "write-for-a-caller-withdrawn-during-the-intent",
            _CONTEXT,
            """        if self.services.standing.withdrawn:  # the disk may have taken its time
            raise CallerWithdrawn
""",
            "",
            (f"{_LEAVING}test_while_the_disk_takes_the_intent",),
        ),
    ),
    "What is known of a key holds until PostHog says otherwise": (
        Mutant(
            "forget-a-key-with-one-failure",
            _KEY,
            "if found is not UNKNOWN:",
            "if found is not None:",
            (f"{_HOLD}test_a_read_only_key_stays_so_until_posthog_says_otherwise",),
        ),
        Mutant(
            "take-any-answer-for-a-description",
            _KEY,
            "return (UNKNOWN, _UNKNOWN_FOR_S) if found.scopes is None else (found, _KNOWN_FOR_S)",
            "return (found, _KNOWN_FOR_S)",
            (f"{_HOLD}test_an_answer_without_scopes_is_no_description_of_a_key",),
        ),
        Mutant(
            "never-ask-about-a-key-again",
            _KEY,
            "self._until = self.clock() + lifetime",
            'self._until = float("inf")',
            (f"{_HOLD}test_what_posthog_says_of_a_key_later_holds_from_then_on",),
        ),
        Mutant(
            "forget-keys-with-the-runners-of-callers",
            "src/projects_mcp/http/tenants.py",
            "            self._key_access[credentials],\n            standing,",
            "            KeyAccess(client),\n            standing,",
            (f"{_WITHDRAWN}test_what_is_known_of_a_key_outlives_a_change_of_its_caller",),
        ),
    ),
    "The organization that PostHog answers is held to the limits of caller and key": (
        Mutant(
            "read-a-project-wherever-it-is",
            _CONTEXT,
            "        self.authorization.require_place(place, self.project, stated",
            "        _ = dict(place=place, project=self.project, stated",
            (f"{_HOLD}test_a_project_elsewhere_shows_no_value_to_a_restricted_key",),
        ),
        Mutant(
            "destroy-a-project-wherever-it-is",
            _CONTEXT,
            "        self.authorization.require_target(target.organization, target.id)\n        self._name",
            "        self._name",
            (f"{_HOLD}test_a_project_elsewhere_is_not_asked_about",),
        ),
        Mutant(
            "write-wherever-it-is",
            _CONTEXT,
            "        self.authorization.require_target(organization, project)  # the concrete one",
            "        # the concrete one",
            (f"{_HOLD}test_a_write_is_held_to_what_its_organization_has_refused",),
        ),
        Mutant(
            "write-to-another-organization-than-the-call-names",
            _CONTEXT,
            "if organization is None and self._asked is not CURRENT and place not in (None, self._asked):",
            "if organization is None and self._asked is None:",
            ("tests/mcp/test_identity.py::test_nothing_is_written_to_another_organization_than_the_call_names",),
        ),
        Mutant(
            "take-an-organization-that-cannot-be-read",
            "src/projects_mcp/policy/authorization.py",
            "elif stated or self.key.organizations is not None:",
            "elif stated is None:",
            (
                f"{_HOLD}test_a_project_elsewhere_shows_no_value_to_a_restricted_key",
                "tests/mcp/test_identity.py::test_a_place_that_is_no_organization_is_another_one",
            ),
        ),
    ),
    "A flag without a value loosens nothing": (
        Mutant(
            "let-a-blank-flag-undo-the-same-flag",
            "src/projects_mcp/cli/setting_options.py",
            "            if is_given(text):",
            "            if True:",
            ("tests/unit/test_flags.py",),
        ),
        Mutant(
            "take-an-unexpanded-variable-for-a-value",
            "src/projects_mcp/config/settings.py",
            'return bool(text) and not (text.startswith("${") and text.endswith("}"))',
            "return bool(text)",
            ("tests/unit/test_flags.py",),
        ),
    ),
    "Without an audit log nothing is changed, and previews go on": (
        Mutant(
            "refuse-previews-without-an-audit-log",
            "src/projects_mcp/runner/runner.py",
            'if not (tool.operation.effect.reads or checked.get("dry_run")):',
            "if not tool.operation.effect.reads:",
            ("tests/process/test_audit.py::test_without_an_audit_log_reads_go_on_and_writes_are_refused",),
        ),
        Mutant(
            "write-although-the-intent-was-not",
            "src/projects_mcp/gateway/audit.py",
            "                self._report(error)\n                raise AuditUnavailable from None\n",
            "                self._report(error)\n",
            ("tests/process/test_audit.py::test_without_an_audit_log_reads_go_on_and_writes_are_refused",),
        ),
        Mutant(
            "read-before-the-audit-log-is-looked-at",
            "src/projects_mcp/runner/runner.py",
            "                    self._audit_log.require_writable()\n",
            "                    pass\n",
            ("tests/process/test_audit.py::test_without_an_audit_log_reads_go_on_and_writes_are_refused",),
        ),
    ),
}
