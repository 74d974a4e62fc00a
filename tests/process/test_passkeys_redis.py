"""Passkeys in a real Redis: enrolled at one `serve`, approved with at another, and used once over both."""

import json
from pathlib import Path

import httpx

from tests.support.authenticator import Credential
from tests.support.callers import entry, token_of, write_callers
from tests.support.passkeys import Device, told
from tests.support.posthog import Upstream
from tests.support.process import run
from tests.support.redis_server import redis_server
from tests.support.sandbox import RESET
from tests.support.served import HARMLESS, Served, served

PUBLIC = "https://mcp.example.com"


def behind(server: Served, client: httpx.Client, address: str) -> Device:
    """A browser at the public address, whose balancer passes on to this one."""
    return Device(f"http://127.0.0.1:{server.port}{address.removeprefix(PUBLIC)}", client, PUBLIC)


def test_a_passkey_of_one_replica_approves_at_the_other_once(tmp_path: Path, upstream: Upstream) -> None:
    callers = write_callers(tmp_path / "callers.toml", entry("ada", approvers=["bea"]))
    environment = {
        **HARMLESS,
        "POSTHOG_HOST": upstream.origin,
        "PROJECTS_MCP_CALLERS": str(callers),
        "PROJECTS_MCP_PUBLIC_URL": f"{PUBLIC}/mcp",
        "PROJECTS_MCP_ALLOWED_HOSTS": "mcp.example.com",
        "PROJECTS_MCP_CONFIRMATION": "passkey",
    }
    with (
        redis_server(tmp_path / "redis") as redis,
        served(**(environment := {**environment, "PROJECTS_MCP_STATE": redis.url})) as one,
        served(**environment) as other,
        httpx.Client(trust_env=False, timeout=20, headers={"Host": "mcp.example.com"}) as client,
    ):
        invited = json.loads(run("passkey", "invite", "bea", **environment).stdout)["address"]
        credential = Credential("mcp.example.com")
        assert behind(one, client, invited).enrol(credential).status_code == 200
        assert "bea" in run("passkey", "list", **environment).stdout
        refused = one.call("project_reset_token", RESET, token_of("ada")).json["result"]
        offered = refused["_meta"]["projects-mcp/error"]["approval"]["url"]
        assert behind(other, client, offered).approve(credential).status_code == 200
        done = other.call("project_reset_token", RESET, token_of("ada")).json["result"]
        assert done["structuredContent"]["outcome"] == "applied"
        again = one.call("project_reset_token", RESET, token_of("ada")).json["result"]
        assert again["_meta"]["projects-mcp/error"]["kind"] == "passkey_needed"
        run("passkey", "remove", "bea", **environment)
        device = behind(other, client, again["_meta"]["projects-mcp/error"]["approval"]["url"])
        assert told(client.get(device.url).text) is None  # nothing is left that could sign
    assert len(upstream.recorder.writes) == 1
