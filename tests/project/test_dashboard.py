"""The dashboard asks for metrics and labels that the server has, and leaves out none."""

import json
import re
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from projects_mcp.http.metrics import collect_into
from projects_mcp.http.tally import Tally
from tests.support.documents import text_of

NAME = re.compile(r"\b(?:projects_mcp|process)_[a-z0-9_]+")
OF_PROMETHEUS = {"job", "instance", "le"}
"""Labels that the scraper or the format adds."""


def existing() -> dict[str, set[str]]:
    """Every sample that a server has which has counted one of each, with its labels."""
    tally = Tally()
    tally.calls.count("project_delete", None, "applied", 0.1, "rejected", "client")
    tally.upstream.count("GET", 200, 0.1)
    tally.count_request("/mcp", 200)
    registry = CollectorRegistry()
    collect_into(registry, tally)
    families = text_string_to_metric_families(generate_latest(registry).decode())
    found: dict[str, set[str]] = {}
    for family in families:
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def dashboard() -> dict[str, Any]:
    value: dict[str, Any] = json.loads(text_of("deploy/grafana-dashboard.json"))
    return value


def expressions() -> list[str]:
    return [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]


def test_every_metric_it_asks_for_exists_with_its_labels() -> None:
    samples = existing()
    assert len(expressions()) > 10
    for expression in [*expressions(), *(row["query"]["query"] for row in variables() if row["type"] == "query")]:
        (name,) = set(NAME.findall(expression))
        assert name in samples, expression
        grouped = {label.strip() for labels in re.findall(r"by \(([^)]*)\)", expression) for label in labels.split(",")}
        selected = {
            label for inside in re.findall(r"\{([^}]*)\}", expression) for label in re.findall(r"(\w+)=", inside)
        }
        assert grouped | selected <= samples[name] | OF_PROMETHEUS, expression


def test_it_shows_every_metric_of_ours() -> None:
    families = {re.sub(r"_(total|bucket|sum|count|info|created)$", "", name) for name in existing() if "mcp" in name}
    asked = {re.sub(r"_(total|bucket|info)$", "", name) for text in expressions() for name in NAME.findall(text)}
    assert families - asked == set()


def test_the_legends_name_labels_of_the_result() -> None:
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            grouped = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", target["expr"]))))
            assert shown <= (grouped or {"instance"}), panel["title"]


def variables() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = dashboard()["templating"]["list"]
    return rows


def test_it_can_be_imported_anywhere() -> None:
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len(set(ids)) == len(ids)
    sources = {each["datasource"]["uid"] for panel in dashboard()["panels"] for each in (panel, *panel["targets"])}
    assert sources == {"${source}"}, "the person who imports it chooses"
    known = {f"${row['name']}" for row in variables()} | {"$__rate_interval"}
    used = set(re.findall(r"\$\w+", " ".join(expressions())))
    assert used <= known
    places = [panel["gridPos"] for panel in dashboard()["panels"]]
    cells = [
        (x, y) for at in places for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(set(cells)) == len(cells), "no panel covers another"
    assert max(x for x, _ in cells) < 24


def test_the_document_lists_every_metric() -> None:
    text = text_of("docs/metrics.md")
    named = set(re.findall(r"^\| `(projects_mcp_\w+)` \| ([^|]+) \|", text, flags=re.MULTILINE))
    listed = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in named}
    samples = {
        re.sub(r"_(bucket|sum|count)$", "", name): labels - {"le"}
        for name, labels in existing().items()
        if "mcp" in name
    }
    assert listed == samples
    alerts = text.rpartition("```text\n")[2]
    assert set(NAME.findall(alerts)) <= existing().keys()
