"""The words for every failure, in one place.

Two or three plain sentences: what happened, whether anything changed, what to do next. Text from outside is quoted,
bounded and never passed on raw. What programs need rides beside the sentences.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from projects_mcp.posthog.errors import (
    AnswerLost,
    AnswerUnusable,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PostHogError,
    Rejected,
    ServerFault,
    Throttled,
    Unauthenticated,
)
from projects_mcp.safety.effects import Effect
from projects_mcp.safety.foreign import quoted
from projects_mcp.safety.receipts import Outcome
from projects_mcp.safety.refusals import Refusal, RefusalKind

__all__ = ["Explanation", "Situation", "explain", "unexpected"]

_NOTHING: Final = "Nothing was changed."
_MAYBE: Final = "It is not known whether the change was made: read the project before you try again."
_ASK_USER: Final = "Ask the user for the exact name as PostHog shows it, and call again with it."


@dataclass(frozen=True, slots=True)
class Situation:
    """What the words depend on besides the failure itself.

    Attributes:
        tool: the tool's name.
        effect: what it does.
        origin: where PostHog is, for links.
        write_left: whether a request that changes something had left.
    """

    tool: str
    effect: Effect
    origin: str
    write_left: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """A failure as people and programs read it."""

    text: str
    detail: Mapping[str, Any]


def explain(failure: Refusal | PostHogError, situation: Situation) -> Explanation:
    """Word a refusal or an error of PostHog's."""
    if isinstance(failure, Refusal) and isinstance(failure.facts.get("error"), PostHogError):
        # PostHog said no before, and is not asked again: the same words, but nothing was sent.
        kind, text, _ = _of_posthog(failure.facts["error"], situation)
        return Explanation(text, _detail(kind, situation))
    if isinstance(failure, Refusal):
        text = _REFUSALS[failure.kind](failure.facts, situation)
        return Explanation(text, _detail(failure.kind.value, situation))
    kind, text, uncertain = _of_posthog(failure, situation)
    return Explanation(
        text,
        _detail(
            kind,
            situation,
            status=getattr(failure, "status", None),
            code=getattr(failure, "code", None),
            attr=getattr(failure, "attr", None),
            retryable=failure.retryable and not uncertain,
            retry_after_s=getattr(failure, "retry_after_s", None),
            outcome=Outcome.UNKNOWN if uncertain else None,
            request_sent=failure.request_sent,
        ),
    )


def unexpected(situation: Situation) -> Explanation:
    """Word a failure of our own that nobody foresaw. Its details are in the log only."""
    uncertain = situation.write_left
    changed = _MAYBE if uncertain else _NOTHING
    text = f"Something went wrong inside projects-mcp. {changed} The server's log has the details."
    outcome = Outcome.UNKNOWN if uncertain else None
    return Explanation(text, _detail("internal", situation, outcome=outcome, request_sent=uncertain))


def _detail(
    kind: str,
    situation: Situation,
    *,
    status: int | None = None,
    code: str | None = None,
    attr: str | None = None,
    retryable: bool = False,
    retry_after_s: float | None = None,
    outcome: Outcome | None = None,
    request_sent: bool = False,
) -> Mapping[str, Any]:
    if outcome is None and not situation.effect.reads:
        outcome = Outcome.NOT_APPLIED
    return {
        "kind": kind,
        "status": status,
        "code": code,
        "attr": attr,
        "retryable": retryable,
        "retry_after_s": retry_after_s,
        "outcome": outcome.value if outcome else None,
        "request_sent": request_sent,
    }


# Refusals of our own


def _invalid_argument(facts: Mapping[str, Any], situation: Situation) -> str:
    return f"{' '.join(facts['problems'])} {_NOTHING} Correct the arguments of {situation.tool} and call it again."


def _not_configured(_facts: Mapping[str, Any], situation: Situation) -> str:
    return (
        f"No PostHog key is configured. {_NOTHING} Set POSTHOG_PERSONAL_API_KEY to a personal API key from "
        f"{situation.origin}/settings/user-api-keys and restart the server, or set PROJECTS_MCP_SANDBOX=1 to try it "
        "without one."
    )


def _access_level(facts: Mapping[str, Any], situation: Situation) -> str:
    mode = "read-only mode" if facts["configured"] == "read" else f"access level {facts['configured']}"
    return (
        f"This server runs in {mode}, which does not allow {situation.tool}. {_NOTHING} "
        f"Its operator can allow it with PROJECTS_MCP_ACCESS={facts['needed']}."
    )


def _missing_scope(facts: Mapping[str, Any], situation: Situation) -> str:
    return (
        f"The PostHog key lacks the scope {facts['scope']}, which {situation.tool} needs. {_NOTHING} "
        f"Add the scope to the key at {situation.origin}/settings/user-api-keys."
    )


def _key_restricted(facts: Mapping[str, Any], situation: Situation) -> str:
    if facts["to"] == "organizations":
        what = "The PostHog key is restricted to other organizations."
    elif "project" in facts:
        what = f"The PostHog key is restricted to certain projects, and {facts['project']} is not one of them."
    else:
        what = f"The PostHog key is restricted to certain projects, so it cannot {facts['verb']} them."
    return f"{what} {_NOTHING} Its restrictions are shown at {situation.origin}/settings/user-api-keys."


def _only_projects(facts: Mapping[str, Any], _situation: Situation) -> str:
    allowed = ", ".join(map(str, facts["only"]))
    if facts["creating"]:
        return (
            f"This server may only touch the projects {allowed}, so it creates none. {_NOTHING} "
            "Its operator sets that in PROJECTS_MCP_ONLY_PROJECTS."
        )
    return (
        f"This server may only touch the projects {allowed}. {_NOTHING} "
        "Give one of these as project_id, or ask the operator to extend PROJECTS_MCP_ONLY_PROJECTS."
    )


def _protected(facts: Mapping[str, Any], situation: Situation) -> str:
    return (
        f"Project {facts['project']} is protected, so {situation.tool} is refused. {_NOTHING} "
        "Only the operator can change that, in PROJECTS_MCP_PROTECTED_PROJECTS."
    )


def _name_mismatch(_facts: Mapping[str, Any], situation: Situation) -> str:
    return f"confirm_project_name is not the project's name, so {situation.tool} was refused. {_NOTHING} {_ASK_USER}"


def _not_identified(_facts: Mapping[str, Any], _situation: Situation) -> str:
    return (
        f"PostHog's answer could not be matched to the project that was asked for. {_NOTHING} "
        "Look the project up with project_list and check its id and organization."
    )


def _not_confirmed(facts: Mapping[str, Any], situation: Situation) -> str:
    what = {
        "declined": f"The user declined {situation.tool}.",
        "cancelled": f"The user closed the question about {situation.tool} without an answer.",
    }.get(facts["answer"], f"The question about {situation.tool} got no valid answer.")
    return f"{what} {_NOTHING} Do not try again unless the user asks for it."


def _cannot_ask(_facts: Mapping[str, Any], situation: Situation) -> str:
    return (
        f"{situation.tool} needs a person's consent, and this client cannot show a question. {_NOTHING} "
        "Use a client that supports elicitation, or let the operator change PROJECTS_MCP_CONFIRMATION."
    )


def _changed_meanwhile(_facts: Mapping[str, Any], situation: Situation) -> str:
    return (
        f"The project changed after it was confirmed, so {situation.tool} was not carried out. {_NOTHING} "
        "Read the project again and let the user decide on its present state."
    )


def _expected_otherwise(facts: Mapping[str, Any], _situation: Situation) -> str:
    listed = "; ".join(
        f"{quoted(name, 60)} is {quoted(repr(values['found']))}" for name, values in list(facts["differs"].items())[:5]
    )
    return f"The project is not as expected: {listed}. {_NOTHING} Decide again with the present values."


def _other_organization(_facts: Mapping[str, Any], _situation: Situation) -> str:
    return (
        f"The current project of the key's owner belongs to another organization than the one asked for. {_NOTHING} "
        "Give a project_id; project_list shows the projects of an organization."
    )


def _audit_unavailable(_facts: Mapping[str, Any], situation: Situation) -> str:
    return (
        f"The audit log cannot be written, so {situation.tool} was refused. {_NOTHING} "
        "The operator must make the file of PROJECTS_MCP_AUDIT_LOG writable; reading still works."
    )


def _secrets_folder(facts: Mapping[str, Any], situation: Situation) -> str:
    return (
        f"The folder of PROJECTS_MCP_SECRETS_DIR cannot be used: {facts['reason']}. {_NOTHING} "
        f"The operator must mend it before {situation.tool} can run."
    )


_REFUSALS: Final[Mapping[RefusalKind, Callable[[Mapping[str, Any], Situation], str]]] = {
    RefusalKind.INVALID_ARGUMENT: _invalid_argument,
    RefusalKind.NOT_CONFIGURED: _not_configured,
    RefusalKind.ACCESS_LEVEL: _access_level,
    RefusalKind.MISSING_SCOPE: _missing_scope,
    RefusalKind.KEY_RESTRICTED: _key_restricted,
    RefusalKind.ONLY_PROJECTS: _only_projects,
    RefusalKind.PROTECTED_PROJECT: _protected,
    RefusalKind.NAME_MISMATCH: _name_mismatch,
    RefusalKind.NOT_IDENTIFIED: _not_identified,
    RefusalKind.NOT_CONFIRMED: _not_confirmed,
    RefusalKind.CANNOT_ASK: _cannot_ask,
    RefusalKind.CHANGED_MEANWHILE: _changed_meanwhile,
    RefusalKind.EXPECTED_OTHERWISE: _expected_otherwise,
    RefusalKind.OTHER_ORGANIZATION: _other_organization,
    RefusalKind.AUDIT_UNAVAILABLE: _audit_unavailable,
    RefusalKind.SECRETS_FOLDER: _secrets_folder,
}


# What came, or did not come, from PostHog


def _of_posthog(failure: PostHogError, situation: Situation) -> tuple[str, str, bool]:
    """Return the kind, the sentences, and whether a write may have happened all the same."""
    uncertain = situation.write_left and isinstance(failure, AnswerLost | ServerFault)
    changed = _MAYBE if uncertain else _NOTHING
    if isinstance(failure, Rejected):
        kind, what, then = _rejected(failure, situation)
    elif isinstance(failure, AnswerUnusable):
        kind, what, then = _unusable(failure, situation)
    elif isinstance(failure, AnswerLost):
        kind = "timeout" if failure.reason == "timeout" else "connection_lost"
        what = (
            "PostHog did not answer in time."
            if kind == "timeout"
            else "The connection to PostHog broke before it answered."
        )
        then = "" if uncertain else "Try again in a moment."
    else:
        kind, what, then = _not_sent(failure, situation)
    return kind, " ".join(filter(None, (what, changed, then))), uncertain


def _rejected(failure: Rejected, situation: Situation) -> tuple[str, str, str]:
    for error, words in _REJECTIONS:
        if isinstance(failure, error):
            return words(failure, situation)
    return _invalid(failure, situation)


def _unauthenticated(failure: Rejected, situation: Situation) -> tuple[str, str, str]:
    if failure.by_session:
        return (
            "session_expired",
            f"PostHog at {situation.origin} did not accept the browser session: it has expired or was signed out.",
            "Sign in again, and copy sessionid and posthog_csrftoken into POSTHOG_SESSION_ID and POSTHOG_CSRF_TOKEN.",
        )
    other = "eu" if "//us." in situation.origin else "us"
    return (
        "authentication",
        f"PostHog at {situation.origin} did not accept the key.{_says(failure)}",
        f"A key works in one region only: if it is from the other one, set POSTHOG_HOST={other}. "
        f"Otherwise check or replace it at {situation.origin}/settings/user-api-keys.",
    )


def _forbidden(failure: Rejected, situation: Situation) -> tuple[str, str, str]:
    cause = failure.cause if isinstance(failure, Forbidden) else "forbidden"
    keys = f"{situation.origin}/settings/user-api-keys"
    what, then = {
        "session_only": (
            f"PostHog allows {situation.tool} only in a person's browser session, whatever the key's scopes.",
            f"A person can do it at {situation.origin}/settings/project. The operator can also opt in to a session "
            "with POSTHOG_SESSION_ID and POSTHOG_CSRF_TOKEN.",
        ),
        "missing_scope": (
            f"The key lacks a scope that PostHog wants.{_says(failure)}",
            f"Add it to the key at {keys}.",
        ),
        "csrf": (
            "PostHog did not accept the browser session's CSRF token.",
            "Copy sessionid and posthog_csrftoken again, both from the same signed-in browser, into POSTHOG_SESSION_ID "
            "and POSTHOG_CSRF_TOKEN.",
        ),
        "key_restricted": (f"The key is restricted.{_says(failure)}", f"Its restrictions are shown at {keys}."),
        "keys_not_allowed": (
            f"The organization does not allow personal API keys.{_says(failure)}",
            "An organization admin can allow them in PostHog's organization settings.",
        ),
        "plan_limit": (
            f"The plan's limit of projects is reached.{_says(failure)}",
            "Delete a project that is no longer needed, or upgrade the plan in PostHog.",
        ),
        "read_only_organization": (
            "The organization allows assistants to read only.",
            "An organization admin can change that in PostHog's organization settings.",
        ),
        "role": (
            f"The key's owner lacks the role for this.{_says(failure)}",
            f"A project admin can do it, or grant the role at {situation.origin}/settings/project.",
        ),
    }.get(
        cause,
        (f"PostHog does not allow this.{_says(failure)}", f"Check the key's scopes at {keys} and its owner's role."),
    )
    return cause, what, then


def _not_found(_failure: Rejected, _situation: Situation) -> tuple[str, str, str]:
    return (
        "not_found",
        "PostHog found no such project or organization, or this key cannot see it.",
        "Check the ids with project_list.",
    )


def _conflict(failure: Rejected, _situation: Situation) -> tuple[str, str, str]:
    return "conflict", f"That name is taken in the organization.{_says(failure)}", "Choose another name and call again."


def _throttled(failure: Rejected, _situation: Situation) -> tuple[str, str, str]:
    if failure.retry_after_s is None:
        return "throttled", "PostHog limits the rate of this key's requests.", "Wait a minute before you try again."
    seconds = f"{failure.retry_after_s:.0f} second{'' if round(failure.retry_after_s) == 1 else 's'}"
    return "throttled", "PostHog limits the rate of this key's requests.", f"Try again in {seconds}."


def _server_fault(failure: Rejected, _situation: Situation) -> tuple[str, str, str]:
    return "server_error", f"PostHog failed with status {failure.status}.{_says(failure)}", "Try again later."


def _invalid(failure: Rejected, situation: Situation) -> tuple[str, str, str]:
    about = f" about {quoted(failure.attr, 100)}" if failure.attr else ""
    return (
        "validation",
        f"PostHog did not accept the request{about}.{_says(failure)}",
        f"Correct the arguments of {situation.tool} and call it again.",
    )


_REJECTIONS: Final[tuple[tuple[type[Rejected], Callable[[Rejected, Situation], tuple[str, str, str]]], ...]] = (
    (Unauthenticated, _unauthenticated),
    (Forbidden, _forbidden),
    (NotFound, _not_found),
    (Conflict, _conflict),
    (Throttled, _throttled),
    (ServerFault, _server_fault),
    (Invalid, _invalid),
)


def _unusable(failure: AnswerUnusable, situation: Situation) -> tuple[str, str, str]:
    what = {
        "redirect": "PostHog's address answered with a redirect, which is not followed.",
        "html": "A web page came back instead of PostHog's data.",
        "content_type": "Something other than JSON came back instead of PostHog's data.",
        "empty": "PostHog's answer was empty.",
        "truncated": "PostHog's answer broke off in the middle.",
        "too_large": "PostHog's answer was larger than this server reads.",
        "too_deep": "PostHog's answer was nested deeper than this server reads.",
        "duplicate_keys": "PostHog's answer named a field twice, so it could not be trusted.",
        "not_unicode": "PostHog's answer contained broken text.",
        "encoding": "PostHog's answer was compressed in a way that could not be read.",
        "shape": "PostHog's answer did not have the expected form.",
    }.get(failure.reason, "PostHog's answer was not valid JSON.")
    then = f"Check that POSTHOG_HOST ({situation.origin}) is PostHog itself, not a sign-in page or proxy."
    return "bad_answer", what, then


def _not_sent(failure: PostHogError, situation: Situation) -> tuple[str, str, str]:
    if failure.reason == "no_credential":
        return "not_configured", "No PostHog key is configured.", "Set POSTHOG_PERSONAL_API_KEY and restart the server."
    if failure.reason == "tls":
        return (
            "tls",
            f"The certificate of {situation.origin} could not be verified.",
            "If a proxy or private certificate authority is in the way, set SSL_CERT_FILE or SSL_CERT_DIR to its "
            "certificates.",
        )
    if failure.reason == "proxy":
        return "proxy", "The proxy refused the connection.", "Check HTTPS_PROXY and NO_PROXY."
    return (
        "unreachable",
        f"No connection to PostHog at {situation.origin} could be made.",
        "Check the network, POSTHOG_HOST and HTTPS_PROXY, then try again.",
    )


def _says(failure: Rejected) -> str:
    return f" It says {quoted(failure.detail)}." if failure.detail else ""
