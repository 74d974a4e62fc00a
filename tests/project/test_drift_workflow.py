"""The workflow of deploy/github-drift.yml is one that can run, and that can change nothing."""

import re
from typing import Any

from projects_mcp.cli.parser import parse
from projects_mcp.config.settings import load
from projects_mcp.policy.access import Access
from projects_mcp.sandbox import READ_ONLY_KEY
from tests.support.documents import text_of
from tests.support.small_yaml import yaml_documents

WORKFLOW = "deploy/github-drift.yml"


def steps() -> list[dict[str, Any]]:
    (document,) = yaml_documents(WORKFLOW)
    (job,) = document["jobs"].values()
    return list(job["steps"])


def test_it_is_started_by_a_clock_or_a_person_and_may_only_read() -> None:
    (document,) = yaml_documents(WORKFLOW)
    assert document["permissions"] == {"contents": "read"}
    ((schedule,),) = (entry.values() for entry in document["on"]["schedule"])
    assert re.fullmatch(r"[0-5]?\d [01]?\d \* \* \*", schedule)
    assert document["on"].keys() == {"schedule", "workflow_dispatch"}
    assert all(job["timeout-minutes"] <= 60 for job in document["jobs"].values())


def test_its_command_is_one_of_ours_with_settings_of_ours() -> None:
    last = steps()[-1]
    program, *arguments = last["run"].split()
    options = parse(arguments)
    assert (program, options.command, options.parameters["file"]) == ("projects-mcp", "drift", "projects.toml")
    settings = load({**last["env"], "POSTHOG_PERSONAL_API_KEY": READ_ONLY_KEY})
    assert settings.policy.access is Access.READ
    assert last["env"]["POSTHOG_PERSONAL_API_KEY"] == "${{ secrets.READ_ONLY_KEY }}"


def test_the_key_is_given_to_the_last_step_alone_and_nothing_is_put_into_a_shell() -> None:
    assert text_of(WORKFLOW).count("secrets.") == 1
    assert all("${{" not in step.get("run", "") for step in steps())
    assert all(step["with"] for step in steps() if "uses" in step)
