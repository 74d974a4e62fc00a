"""The one funnel that every call of a tool goes through, whoever made it.

    known? -> configured? -> allowed? -> arguments -> allowed for this target? -> the tool -> redacted and bounded

Knows nothing of MCP: the server and the command line are two doors to it.
"""

import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from projects_mcp.call import Call, Person
from projects_mcp.config import Settings
from projects_mcp.posthog.client import JSONObject, PostHog
from projects_mcp.posthog.errors import PostHogError
from projects_mcp.posthog.operations import CURRENT, OrganizationRef, ProjectRef
from projects_mcp.results import finished
from projects_mcp.safety.confirmation import Question
from projects_mcp.safety.grants import UNKNOWN, decide
from projects_mcp.safety.redaction import Redactor
from projects_mcp.safety.refusals import Refusal, RefusalKind
from projects_mcp.tools.catalogue import CATALOGUE
from projects_mcp.tools.registry import Tool
from projects_mcp.tools.schema import conform
from projects_mcp.wording import Explanation, Situation, explain, unexpected

__all__ = ["Dispatcher", "QuestionPendingError", "Result", "UnknownToolError"]

logger: Final = logging.getLogger("projects_mcp")


class UnknownToolError(Exception):
    """There is no tool of that name."""


class QuestionPendingError(Exception):
    """A person must answer first, in another round of the protocol. Nothing has been sent but reads."""

    def __init__(self, question: Question) -> None:
        super().__init__("a question is pending")
        self.question = question


@dataclass(frozen=True, slots=True)
class Result:
    """What a call answers: an object and the same as text, or an explanation of why there is none."""

    text: str
    body: JSONObject | None = None
    error: Mapping[str, Any] | None = None


class Dispatcher:
    """Runs tools with the settings, the client and the credentials of this process."""

    def __init__(self, settings: Settings, posthog: PostHog) -> None:
        self._settings = settings
        self._posthog = posthog
        self._tools: Final = {tool.name: tool for tool in CATALOGUE}
        self.redactor = Redactor(settings.credentials.secrets())

    def offered(self) -> list[Tool]:
        """Return the tools that the operator and the credential allow, in the order of the catalogue."""
        return [tool for tool in CATALOGUE if self._refusal(tool) is None]

    async def call(self, name: str, arguments: Mapping[str, Any], person: Person | None = None) -> Result:
        """Run one call to its end.

        Args:
            name: the tool.
            arguments: as the caller sent them, unchecked.
            person: somebody who can be asked; None where the client cannot ask.

        Raises:
            UnknownToolError: there is no such tool.
            QuestionPendingError: a person has to be asked in another round.
        """
        tool = self._tools.get(name)
        if tool is None:
            raise UnknownToolError
        call: Call | None = None
        try:
            self._require_configured()
            self._require_allowed(tool)
            checked = conform(tool.input_schema, arguments)
            call = self._call(tool, checked, person)
            self._require_allowed(tool, call.organization, call.project)
            body = await tool.run(call, **checked)
            body, text = finished(body, self.redactor, self._settings.result_limit, checked.get("offset", 0))
            return Result(text, body)
        except (Refusal, PostHogError) as failure:
            return self._failed(explain(failure, self._situation(tool, call)))
        except QuestionPendingError:
            raise
        except Exception:  # noqa: BLE001 - the one place where the unforeseen is masked
            logger.error("%s failed unexpectedly\n%s", tool.name, self.redactor.text(traceback.format_exc()))  # noqa: TRY400
            return self._failed(unexpected(self._situation(tool, call)))

    async def aclose(self) -> None:
        """Close the connections to PostHog."""
        await self._posthog.aclose()

    def _require_configured(self) -> None:
        if self._settings.credentials.key is None:
            raise Refusal(RefusalKind.NOT_CONFIGURED)

    def _require_allowed(
        self, tool: Tool, organization: OrganizationRef | None = None, project: ProjectRef | None = None
    ) -> None:
        if (refusal := self._refusal(tool, organization, project)) is not None:
            raise refusal

    def _refusal(
        self, tool: Tool, organization: OrganizationRef | None = None, project: ProjectRef | None = None
    ) -> Refusal | None:
        return decide(
            tool.effect, tool.operation, self._settings.policy, UNKNOWN, organization=organization, project=project
        )

    def _call(self, tool: Tool, checked: dict[str, Any], person: Person | None) -> Call:
        """Build the call, taking its target out of the arguments."""
        project: ProjectRef | None = None
        if tool.operation.on_project:
            project = checked.pop("project_id", CURRENT)
        return Call(
            effect=tool.effect,
            operation=tool.operation,
            posthog=self._posthog,
            redactor=self.redactor,
            policy=self._settings.policy,
            grant=UNKNOWN,
            confirmation=self._settings.confirmation,
            person=person,
            organization=self._organization(checked.pop("organization_id", None)),
            project=project,
        )

    def _organization(self, value: str | None) -> OrganizationRef:
        if value is None:
            return self._settings.organization
        if value == "@current":
            return CURRENT
        try:
            organization = UUID(value)
        except ValueError:
            organization = None
        # Python reads many spellings of a UUID; only the usual one is taken.
        if organization is None or str(organization) != value.lower():
            problem = "`organization_id` must be the UUID of an organization, or @current."
            raise Refusal(RefusalKind.INVALID_ARGUMENT, problems=[problem])
        return organization

    def _situation(self, tool: Tool, call: Call | None) -> Situation:
        return Situation(
            tool=tool.name,
            effect=tool.effect,
            origin=self._settings.origin,
            session=self._settings.credentials.session is not None,
            write_left=call is not None and call.write_left,
        )

    def _failed(self, explanation: Explanation) -> Result:
        return Result(self.redactor.text(explanation.text), error=self.redactor.value(dict(explanation.detail)))
