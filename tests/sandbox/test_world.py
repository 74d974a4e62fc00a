"""The seeded world: invented credentials, the same each time, shared with nobody, cheap to import."""

import sys

import pytest

from projects_mcp import sandbox as package
from projects_mcp.sandbox import ACME_ID, ADMIN_ID, MEMBER_ID, NORTHWIND_ID, PRODUCTION_ID, STAGING_ID, seed
from projects_mcp.sandbox.world.state import Level, World
from tests.support.process import run_command
from tests.support.sandbox import Clock

KEYS = [name for name in package.__all__ if name.endswith("_KEY")]


@pytest.mark.parametrize("name", KEYS)
def test_keys_look_like_keys(name: str) -> None:
    key = getattr(package, name)
    assert key.startswith("phx_")
    assert len(key) >= len("phx_") + 20
    assert "sandbox" in key
    assert key in seed().api_keys


def test_people_and_roles() -> None:
    world = seed()
    assert {(user.email, user.first_name) for user in world.users.values()} == {
        ("admin@example.com", "Admin"),
        ("member@example.com", "Member"),
    }
    assert world.memberships == {
        (ADMIN_ID, ACME_ID): Level.ADMIN,
        (ADMIN_ID, NORTHWIND_ID): Level.OWNER,
        (MEMBER_ID, ACME_ID): Level.MEMBER,
    }
    assert world.users[ADMIN_ID].current_project_id == PRODUCTION_ID


def test_a_world_is_the_same_each_time_and_shared_with_nobody() -> None:
    clock = Clock()
    first, second = seed(clock=clock), seed(clock=clock)
    assert first == second
    first.projects[PRODUCTION_ID].fields["app_urls"].append("https://x.example")
    first.organizations[ACME_ID].name = "Other"
    first.remove(first.projects[STAGING_ID])
    assert second == seed(clock=clock)


def test_tokens_and_ids_never_repeat() -> None:
    world = World()
    made = [world.new_token("phc_") for _ in range(500)] + [world.new_uuid() for _ in range(500)]
    assert len(set(made)) == 1000
    assert World(seed=1).new_token("") != World(seed=2).new_token("")
    assert all(token.removeprefix("phc_").isalnum() for token in made[:500])


def test_the_default_clock_is_the_machines() -> None:
    assert seed().clock().tzinfo is not None


def test_constants_and_seed_do_not_import_the_web_framework() -> None:
    script = (
        "import sys; from projects_mcp.sandbox import seed; seed(); "
        "print(sorted({'starlette', 'httpx', 'anyio', 'asyncio'} & set(sys.modules)))"
    )
    done = run_command([sys.executable, "-c", script])
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
