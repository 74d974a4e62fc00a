"""Mutants of serving many: shares, issuers, strangers, lines for programs, and what a caller is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dev.mutants.mutant import Mutant

__all__ = ["CALLERS"]

_CHECKS: Final = "tests/process/test_http_caller_checks.py::"
_CONNECTIONS: Final = "tests/process/test_http_connections.py::"
_CALLERS: Final = "tests/process/test_http_callers.py::"
_SHARED: Final = "tests/process/test_shared_state.py::"
_MIDDLEWARE: Final = "src/projects_mcp/http/middleware.py"
_CHECKED: Final = "src/projects_mcp/http/request_checks.py"
_JWKS: Final = "src/projects_mcp/http/jwks.py"

CALLERS: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "No caller takes more than its share": (
        Mutant(
            "read-bodies-before-counting-them",
            "src/projects_mcp/http/app.py",
            "        Middleware(RequestsInFlight, tenants),\n        Middleware(BodyLimit),\n",
            "        Middleware(BodyLimit),\n        Middleware(RequestsInFlight, tenants),\n",
            (f"{_CHECKS}test_a_body_that_is_still_to_come_counts",),
        ),
        Mutant(
            "count-calls-only",
            "src/projects_mcp/protocol/middleware.py",
            'if ctx.request_id is not None and ctx.method not in _UNCOUNTED and ctx.method != "tools/call":',
            'if ctx.method == "tools/list" and ctx.request_id is None:',
            (f"{_CHECKS}test_every_kind_of_request_counts",),
        ),
        Mutant(
            "give-each-set-of-scopes-an-allowance",
            "src/projects_mcp/http/tenants.py",
            "identity = caller.name, caller.issuer",
            'identity = f"{caller.name} {sorted(caller.grant.scopes)}", caller.issuer',
            (f"{_CHECKS}test_a_subject_has_one_allowance_whatever_its_scopes",),
        ),
    ),
    "The calls of a minute, and the turns at a project, are one for all who share them": (
        Mutant(
            "count-the-minute-of-each-process",
            "src/projects_mcp/http/tenants.py",
            "        if not self.store.shared:\n",
            "        if self.store:\n",
            (f"{_SHARED}test_the_calls_of_a_minute_are_counted_for_both",),
        ),
        Mutant(
            "count-nothing-while-the-store-is-away",
            "src/projects_mcp/runner/rate_limit.py",
            "                return\n        self._refill()\n",
            "            return\n        self._refill()\n",
            ("tests/mcp/test_state_away.py::test_a_process_counts_for_itself_meanwhile",),
        ),
        Mutant(
            "give-each-caller-turns-of-its-own",
            "src/projects_mcp/http/tenants.py",
            "            self._project_locks,\n",
            "            None,\n",
            (f"{_SHARED}test_two_callers_of_one_process_do_not_either",),
        ),
    ),
    "An issuer that hangs keeps nobody out whose key is known": (
        Mutant(
            "wait-for-an-issuer-that-hangs",
            _JWKS,
            "timeout=max(0.0, self._wait_until - anyio.current_time())",
            "timeout=None",
            ("tests/process/test_jwks.py::test_an_issuer_that_hangs_keeps_nobody_out_who_is_known",),
        ),
        Mutant(
            "forget-keys-that-could-not-be-renewed",
            _JWKS,
            "            self._failing = True\n",
            "            self._failing, self._keys = True, {}\n",
            ("tests/process/test_jwks.py::test_an_issuer_that_is_away_keeps_nobody_out_who_is_known",),
        ),
        Mutant(
            "ask-an-issuer-once-for-each-request",
            _JWKS,
            "if self._refresh is not None and not self._refresh.done():",
            "if self._refresh is None:",
            ("tests/process/test_jwks.py::test_many_who_wait_for_the_keys_ask_once",),
        ),
    ),
    "Strangers are bounded, and recorded by their address": (
        Mutant(
            "keep-every-idle-connection",
            "src/projects_mcp/http/uvicorn_header_timeout.py",
            "if len(self.connections) <= _MOST_IDLE:",
            "if len(self.connections) >= 0:",
            (f"{_CONNECTIONS}test_idle_connections_are_bounded",),
        ),
        Mutant(
            "keep-connections-that-become-idle-together",
            "src/projects_mcp/http/uvicorn_header_timeout.py",
            "        self.idle_since = self.loop.time()\n        self._close_idle()\n\n    def _close_idle",
            "        self.idle_since = self.loop.time()\n\n    def _close_idle",
            (f"{_CONNECTIONS}test_connections_that_become_idle_together_are_bounded",),
        ),
        Mutant(
            "record-the-path-of-a-stranger",
            _MIDDLEWARE,
            'return path if path in {*MCP_PATHS, APPROVE_PATH} else "other"',
            "return path",
            ("tests/process/test_http_requests.py::test_access_lines_name_the_request_and_no_more",),
        ),
        Mutant(
            "record-no-address",
            _MIDDLEWARE,
            '"client": client[0] if client else None,',
            '"client": None,',
            ("tests/process/test_http_requests.py::test_access_lines_name_the_request_and_no_more",),
        ),
        Mutant(
            "take-two-lengths-of-a-body",
            _CHECKED,
            'if {b"content-length", b"transfer-encoding"} <= {',
            'if {b"content-length", b"transfer-encoding", b""} <= {',
            (f"{_CONNECTIONS}test_two_lengths_close_the_connection",),
        ),
        Mutant(
            "leave-the-connection-open-after-two-lengths",
            _CHECKED,
            ', {"Connection": "close"}\n',
            "\n",
            (f"{_CONNECTIONS}test_two_lengths_close_the_connection",),
        ),
        Mutant(
            "compare-the-beginning-of-a-host",
            _CHECKED,
            "if port.isascii() and port.isdigit() and len(port) <= _PORT_DIGITS and name + _ANY_PORT in listed:",
            'if any(value.startswith(one[:-1]) for one in listed if one.endswith(":*")):',
            (f"{_CONNECTIONS}test_a_name_that_only_begins_as_ours_is_refused",),
        ),
        Mutant(
            "let-one-address-take-all-connections-of-nginx",
            "deploy/nginx.conf",
            "    limit_conn projects_mcp_address 64;\n",
            "",
            ("tests/project/test_deployment.py",),
        ),
    ),
    "Lines for programs are JSON whatever a caller is called": (
        Mutant(
            "redact-a-line-of-the-audit-log-as-text",
            "src/projects_mcp/gateway/audit.py",
            'return json.dumps(self.redactor.value(whole), separators=(",", ":"))',
            'return self.redactor.text(json.dumps(whole, separators=(",", ":")))',
            ("tests/security/test_log_lines.py",),
        ),
        Mutant(
            "redact-a-line-of-a-request-as-text",
            _MIDDLEWARE,
            'logger.info("%s", json.dumps(self._redactor.value(record), separators=(",", ":")))',
            'logger.info("%s", self._redactor.text(json.dumps(record, separators=(",", ":"))))',
            ("tests/security/test_log_lines.py",),
        ),
    ),
    "A caller is told of itself, and of nobody else": (
        Mutant(
            "tell-a-caller-of-every-organization",
            "src/projects_mcp/runner/describe.py",
            '        "key": {"scopes": scopes, "projects": None, "organizations": organizations},\n',
            "",
            (f"{_CALLERS}test_a_caller_is_told_of_its_own_organization_and_projects_only",),
        ),
        Mutant(
            "tell-a-caller-of-every-protected-project",
            "src/projects_mcp/runner/describe.py",
            '        "protected_projects": sorted(caller.protected),\n',
            "",
            (f"{_CALLERS}test_a_caller_is_told_of_its_own_organization_and_projects_only",),
        ),
        Mutant(
            "tell-a-caller-of-every-allowed-project",
            "src/projects_mcp/policy/authorization.py",
            "shown = [] if self.caller is not None and self.caller.organizations is not None else sorted(policy.only)",
            "shown = sorted(policy.only)",
            (f"{_CALLERS}test_a_caller_is_told_of_its_own_organization_and_projects_only",),
        ),
        Mutant(
            "tell-a-caller-that-the-server-only-reads",
            "src/projects_mcp/policy/authorization.py",
            "return CallerAccessTooLow(access=caller.access.value)",
            "return AccessLevelTooLow(needed=NEEDED_ACCESS[effect].value, configured=caller.access.value)",
            (f"{_CALLERS}test_what_is_not_allowed_is_neither_listed_nor_run",),
        ),
    ),
}
