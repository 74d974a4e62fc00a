"""The manifests of deploy/kubernetes.yaml."""

from typing import Any

from tests.support.small_yaml import yaml_documents


def documents() -> list[dict[str, Any]]:
    """The manifests."""
    return yaml_documents("deploy/kubernetes.yaml")


def of_kind(kind: str) -> dict[str, Any]:
    (found,) = (document for document in documents() if document["kind"] == kind)
    return found


def pod() -> dict[str, Any]:
    value: dict[str, Any] = of_kind("Deployment")["spec"]["template"]["spec"]
    return value


def container() -> dict[str, Any]:
    (value,) = pod()["containers"]
    return dict(value)
