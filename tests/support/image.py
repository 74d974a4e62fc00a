"""The Dockerfile, read."""

import re

from projects_mcp.cli.parser import parse
from tests.support.documents import text_of

PORT: int = parse(["serve"]).parameters["port"]
SECRET = re.compile(r"KEY|TOKEN|SECRET|SESSION|PASSWORD|ph[xsar]_", re.IGNORECASE)


def instructions() -> list[tuple[str, str]]:
    """Every instruction of the Dockerfile, and what follows it on its line, however that is broken."""
    lines = [line for line in text_of("Dockerfile").splitlines() if line.strip() and not line.startswith("#")]
    whole = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in whole.splitlines())]


def final_stage() -> dict[str, list[str]]:
    given = instructions()
    last = max(at for at, (word, _) in enumerate(given) if word == "FROM")
    found: dict[str, list[str]] = {}
    for word, rest in given[last:]:
        found.setdefault(word, []).append(rest)
    return found
