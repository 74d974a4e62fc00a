"""Metrics of a served server, scraped and read as Prometheus reads them."""

import http.client
import re
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from tests.support.served import Served
from tests.support.waiting import PATIENCE_S

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


class Scraped:
    """One answer of the port for metrics."""

    def __init__(self, status: int, headers: Mapping[str, str], text: str) -> None:
        self.status = status
        self.headers = headers
        self.text = text

    @property
    def samples(self) -> Samples:
        families = list(text_string_to_metric_families(self.text))
        return {(each.name, frozenset(each.labels.items())): each.value for one in families for each in one.samples}

    @property
    def kinds(self) -> dict[str, str]:
        return {family.name: family.type for family in text_string_to_metric_families(self.text)}

    def value(self, name: str, **labels: str) -> float | None:
        return self.samples.get((f"projects_mcp_{name}", frozenset(labels.items())))

    def labels(self, label: str) -> set[str]:
        """Every value of one label."""
        return {value for _, labels in self.samples for key, value in labels if key == label}


def port_of(server: Served) -> int:
    found = re.search(r"metrics are at http://\S+:(\d+)/metrics", server.stderr)
    assert found is not None, server.stderr
    return int(found[1])


def scrape(server: Served, method: str = "GET", path: str = "/metrics", **headers: str) -> Scraped:
    connection = http.client.HTTPConnection("127.0.0.1", port_of(server), timeout=PATIENCE_S)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        sent = {name.lower(): value for name, value in answer.getheaders()}
        return Scraped(answer.status, sent, answer.read().decode())
    finally:
        connection.close()
