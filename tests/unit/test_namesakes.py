"""Looking for projects of one name goes on without a list that PostHog denies, and not without the caller's rights."""

import pytest

from projects_mcp.api.operations import OPERATIONS
from projects_mcp.errors.refusals import CallerWithdrawn
from projects_mcp.gateway.audit import AuditLog
from projects_mcp.gateway.call_audit import CallAudit
from projects_mcp.gateway.context import ToolContext
from projects_mcp.gateway.key_access import KeyAccess
from projects_mcp.gateway.services import ToolServices
from projects_mcp.policy.authorization import Authorization, KeyGrant, Policy
from projects_mcp.policy.confirmation import Confirmation
from projects_mcp.policy.standing import CallerStanding
from projects_mcp.posthog.client import PostHog
from projects_mcp.posthog.credentials import Credentials, PersonalKey
from projects_mcp.sandbox import READ_WRITE_KEY, seed
from projects_mcp.sandbox.app import create_app
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.sanitize.secret import Secret
from projects_mcp.tools.namesakes import read_namesakes
from tests.support.harness import Recorder

pytestmark = pytest.mark.anyio

CREATE = OPERATIONS["project_create"]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder(create_app(seed()))


def context_of(recorder: Recorder, key: str, standing: CallerStanding) -> ToolContext:
    posthog = PostHog("https://posthog.test", Credentials(PersonalKey(Secret(key))), application=recorder)
    services = ToolServices(posthog, KeyAccess(posthog), Redactor(), Policy(), Confirmation.ARGUMENT, standing=standing)
    audit = CallAudit(AuditLog(Redactor()), CREATE)
    return ToolContext(services, Authorization(CREATE, Policy(), KeyGrant(), services.denials), audit, None)


async def test_a_caller_whose_rights_were_withdrawn_reads_no_list(recorder: Recorder) -> None:
    standing = CallerStanding()
    context = context_of(recorder, READ_WRITE_KEY, standing)
    assert (await read_namesakes(context, "Acme web")).whole
    standing.withdrawn = True
    with pytest.raises(CallerWithdrawn):
        await read_namesakes(context, "Acme web")
    assert len(recorder.requests) == 1


async def test_a_denied_list_leaves_it_open_who_has_the_name(recorder: Recorder) -> None:
    context = context_of(recorder, "phx_nobody_knows_this_key", CallerStanding())
    for _ in range(2):
        found = await read_namesakes(context, "Acme web")
        assert (found.ids, found.whole) == (frozenset(), False)
