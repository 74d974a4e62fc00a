"""A flag says more than the environment only if it says something."""

import pytest

from projects_mcp.cli.invocation import apply_flags
from projects_mcp.cli.parser import parse
from projects_mcp.config.settings import load
from projects_mcp.config.variables import VARIABLES

BLANK = ["", " ", "\t", "${x}", "${user_config.access}", " ${x} "]
FLAGS = {name: row.flag.option for name, row in VARIABLES.items() if row.flag and row.flag.constant is None}
RESTRICTED = {
    "POSTHOG_HOST": "eu",
    "POSTHOG_ORGANIZATION_ID": "018f0000-0000-7000-8000-000000000001",
    "PROJECTS_MCP_ONLY_PROJECTS": "12345,12346",
    "PROJECTS_MCP_ACCESS": "read",
    "PROJECTS_MCP_CONFIRMATION": "human",
    "PROJECTS_MCP_PROTECTED_PROJECTS": "12345",
    "PROJECTS_MCP_AUDIT_LOG": "audit.jsonl",
}


def test_the_restrictions_are_settings() -> None:
    assert RESTRICTED.keys() <= VARIABLES.keys()
    assert "PROJECTS_MCP_ACCESS" in FLAGS


@pytest.mark.parametrize("environment", [{}, RESTRICTED], ids=["bare", "restricted"])
@pytest.mark.parametrize("blank", BLANK)
@pytest.mark.parametrize("name", FLAGS)
def test_a_blank_flag_leaves_what_the_environment_says(name: str, blank: str, environment: dict[str, str]) -> None:
    applied = apply_flags(environment, parse(["tools", FLAGS[name], blank]).flags)
    assert load(applied) == load(environment)
    assert applied == environment


@pytest.mark.parametrize("blank", BLANK)
@pytest.mark.parametrize("arguments", [["--access", "read", "tools"], ["tools", "--access", "read"]])
def test_a_blank_flag_does_not_undo_the_same_flag(blank: str, arguments: list[str]) -> None:
    for given in ([*arguments, "--access", blank], ["--access", blank, *arguments]):
        assert apply_flags({}, parse(given).flags) == {"PROJECTS_MCP_ACCESS": "read"}
