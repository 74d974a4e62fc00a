"""The base and its component for kustomize, rendered by kubectl where it is there, and read where it is not."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dev.environments import ROOT
from projects_mcp import __version__
from projects_mcp.config.settings import load
from tests.support.documents import text_of
from tests.support.kubernetes import container, documents

KUBECTL = shutil.which("kubectl")
rendered = pytest.mark.skipif(KUBECTL is None, reason="THE BASE IS NOT RENDERED: there is no kubectl")


def kubectl(*arguments: str) -> str:
    assert KUBECTL is not None
    done = subprocess.run([KUBECTL, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def render(folder: Path, scratch: Path) -> dict[str, dict[str, Any]]:
    """Build a kustomization, and return its objects by kind."""
    file = scratch / "rendered.yaml"
    file.write_text(
        kubectl("kustomize", str(folder), "--load-restrictor", "LoadRestrictionsRootOnly"), encoding="utf-8"
    )
    text = kubectl("label", "--local", "-f", str(file), "-o", "json", "rendered=yes")
    decoder, objects, at = json.JSONDecoder(), [], 0
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        objects.append(value)
        at += len(text[at:]) - len(text[at:].lstrip())
    return {value["kind"]: value for value in objects}


@rendered
def test_the_base_is_the_manifest(tmp_path: Path) -> None:
    found = render(ROOT / "deploy", tmp_path)
    assert found.keys() == {document["kind"] for document in documents()}
    deployment = found["Deployment"]["spec"]
    assert deployment["replicas"] == 2
    (first,) = deployment["template"]["spec"]["containers"]
    assert first["image"] == f"projects-mcp:{__version__}"
    assert [entry["name"] for entry in first["env"]] == [entry["name"] for entry in container()["env"]]


@rendered
def test_the_overlay_of_the_comment_can_be_built(tmp_path: Path) -> None:
    lines = text_of("deploy/kustomization.yaml").splitlines()
    example = [line.removeprefix("#").removeprefix("   ") for line in lines if re.match(r"#($|   )", line)]
    folder = tmp_path / "overlay"
    folder.mkdir()
    (tmp_path / "path" / "to").mkdir(parents=True)
    shutil.copytree(ROOT / "deploy", tmp_path / "path" / "to" / "deploy")
    text = "\n".join(example).replace("path/to/", "../path/to/")
    (folder / "kustomization.yaml").write_text(text, encoding="utf-8")
    pod = (deployment := render(folder, tmp_path)["Deployment"]["spec"])["template"]
    assert deployment["replicas"] == 3
    (main,), (first,) = pod["spec"]["containers"], pod["spec"]["initContainers"]
    assert {main["image"], first["image"]} == {f"registry.example.com/projects-mcp:{__version__}"}
    env = {entry["name"]: entry.get("value") for entry in main["env"]}
    assert env["POSTHOG_HOST"] == "eu"
    assert env["PROJECTS_MCP_PUBLIC_URL"] == "https://mcp.example.org/mcp"
    port = load({"PROJECTS_MCP_METRICS_PORT": env["PROJECTS_MCP_METRICS_PORT"] or ""}).serving.metrics
    assert port == ("0.0.0.0", 9090)  # noqa: S104 - the pod's own address is known to the cluster only
    assert {"name": "metrics", "containerPort": 9090} in main["ports"]
    assert pod["metadata"]["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "9090",
        "prometheus.io/path": "/metrics",
    }


def test_the_patches_name_places_that_are_there() -> None:
    """What the comment replaces by its number is what it says, also where nothing renders it."""
    env = [entry["name"] for entry in container()["env"]]
    text = text_of("deploy/kustomization.yaml")
    patched = {env[int(at)]: value for at, value in re.findall(r"env/(\d+)/value\n#\s+value: (\S+)", text)}
    assert patched == {"POSTHOG_HOST": "eu", "PROJECTS_MCP_PUBLIC_URL": "https://mcp.example.org/mcp"}
    assert f"newTag: {__version__}" in text
    assert "  - kubernetes.yaml\n" in text
