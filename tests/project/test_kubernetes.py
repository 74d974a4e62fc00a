"""The manifests say what the code says. No cluster takes them here, so they are read."""

import os
import re
import shutil
import stat
from pathlib import Path

import pytest

from projects_mcp import __version__
from projects_mcp.cli.parser import parse
from projects_mcp.config.parsers import SettingsError
from projects_mcp.config.settings import load
from projects_mcp.config.variables import VARIABLES
from projects_mcp.http.callers_file import load_callers
from tests.support.documents import callers_example
from tests.support.image import PORT, SECRET, final_stage
from tests.support.kubernetes import container, documents, of_kind, pod
from tests.support.process import run_command


def test_there_are_replicas_and_all_select_the_same_pods() -> None:
    deployment = of_kind("Deployment")["spec"]
    assert deployment["replicas"] == 2
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == labels
    assert of_kind("Service")["spec"]["selector"] == labels
    budget = of_kind("PodDisruptionBudget")["spec"]
    assert budget == {"minAvailable": 1, "selector": {"matchLabels": labels}}
    assert deployment["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_the_pods_run_the_image_of_this_version() -> None:
    (first,) = pod()["initContainers"]
    assert first["image"] == container()["image"] == f"projects-mcp:{__version__}"
    assert parse(container()["args"]).command == "serve"
    (port,) = container()["ports"]
    assert port == {"name": "http", "containerPort": PORT}
    assert [entry["targetPort"] for entry in of_kind("Service")["spec"]["ports"]] == ["http"]


def test_the_probes_ask_what_the_server_answers() -> None:
    probes = {name: container()[f"{name}Probe"] for name in ("startup", "liveness", "readiness")}
    assert {name: probe["httpGet"] for name, probe in probes.items()} == {
        "startup": {"path": "/healthz", "port": "http"},
        "liveness": {"path": "/healthz", "port": "http"},
        "readiness": {"path": "/readyz", "port": "http"},
    }
    assert probes["readiness"]["timeoutSeconds"] > load({}).limits.connect_s, "PostHog has that long to answer"


def test_there_is_time_to_finish() -> None:
    (word, seconds) = container()["lifecycle"]["preStop"]["exec"]["command"]
    assert word == "sleep"
    drained = load({}).limits.call_s + 6
    assert pod()["terminationGracePeriodSeconds"] > int(seconds) + drained


def test_the_containers_may_do_nothing_but_run() -> None:
    user = final_stage()["USER"][0].split(":")[0]
    assert pod()["automountServiceAccountToken"] is False
    assert pod()["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": int(user),
        "runAsGroup": int(user),
        "fsGroup": int(user),
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    for each in (container(), *pod()["initContainers"]):
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert each["resources"]["requests"].keys() == {"cpu", "memory"}
        assert "memory" in each["resources"]["limits"]


def test_the_settings_exist_and_no_secret_is_written_down() -> None:
    given = {entry["name"]: entry for entry in container()["env"]}
    assert given.keys() <= VARIABLES.keys()
    written = {name: entry["value"] for name, entry in given.items() if "value" in entry}
    assert {name for name in written if SECRET.search(name)} == {"POSTHOG_PERSONAL_API_KEY_FILE"}, "a path"
    of_secret = {name: entry["valueFrom"]["secretKeyRef"] for name, entry in given.items() if "valueFrom" in entry}
    assert of_secret == {
        "PROJECTS_MCP_SIGNING_KEY": {"name": "projects-mcp", "key": "signing-key"},
        "PROJECTS_MCP_STATE": {"name": "projects-mcp", "key": "state-url"},
    }, "several replicas have both in common"
    assert "Secret" not in {document["kind"] for document in documents()}
    harmless = {name: value for name, value in written.items() if not name.endswith("_FILE")}
    assert load(harmless).serving.public_url == "https://mcp.example.com/mcp"


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="modes are those of Unix")
def test_the_copies_of_the_secret_are_private_as_the_server_demands(tmp_path: Path) -> None:
    """The command of the init container, run on files with the modes that a cluster gives them."""
    (first,) = pod()["initContainers"]
    volumes = {volume["name"]: volume for volume in pod()["volumes"]}
    assert int(volumes["secret"]["secret"]["defaultMode"], 8) == 0o400
    mounts = {mount["name"]: mount["mountPath"] for mount in first["volumeMounts"]}
    secret, private = tmp_path / "secret", tmp_path / "private"
    places = {mounts["secret"]: secret, mounts["private"]: private}
    for folder in places.values():
        folder.mkdir()
    for item in volumes["secret"]["secret"]["items"]:
        example = callers_example() if item["path"].endswith(".toml") else "phx_example_key"
        (secret / item["path"]).write_text(example, encoding="utf-8")
        (secret / item["path"]).chmod(0o440)  # what fsGroup makes of 0400
    with pytest.raises(SettingsError, match="can be read by others"):
        load_callers(secret / "callers.toml", {})

    def here(path: str) -> str:
        for given, place in places.items():
            path = re.sub(rf"^{given}/", f"{place}/", path)
        return path

    program = shutil.which(first["command"][0])
    assert program
    run_command([program, *map(here, first["command"][1:])]).check_returncode()
    env = {entry["name"]: here(entry["value"]) for entry in container()["env"] if "value" in entry}
    copies = [Path(env[name]) for name in ("PROJECTS_MCP_CALLERS", "POSTHOG_PERSONAL_API_KEY_FILE")]
    assert [stat.S_IMODE(copy.stat().st_mode) for copy in copies] == [0o600, 0o600]
    settings = load(env)
    assert settings.credentials.key is not None
    assert settings.serving.callers == copies[0]
    mounted = {mount["name"]: mount for mount in container()["volumeMounts"]}
    assert mounted == {"private": {"name": "private", "mountPath": mounts["private"], "readOnly": True}}
    assert volumes["private"]["emptyDir"]["medium"] == "Memory"
