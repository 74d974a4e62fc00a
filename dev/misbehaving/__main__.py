"""Run misbehaving clients against a server: `python -m dev.misbehaving --tool NAME … -- COMMAND …`; see README.md."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from dev.misbehaving.clients import CLIENTS, CONTROL
from dev.misbehaving.report import conclude, table
from dev.misbehaving.session import LEGACY, MODERN, Era
from dev.misbehaving.suite import Plan, run_suite
from dev.misbehaving.transports import HttpTransport, StdioTransport
from dev.processes import state_folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the clients, and print what they have shown.

    Returns:
        0 without a fault, 1 with one, 2 if nothing is shown: the server does not start, does not ask, or does not do
        what it has a yes for.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    if bool(given.command) == bool(given.url):
        parser.error("give either --url, or -- and the command of the server")
    headers = dict(header.split(":", 1) for header in given.header)
    eras: list[Era] = [era for era in (LEGACY, MODERN) if given.era in {None, era}]
    clients = [client for client in CLIENTS if not given.only or given.only in client.name or client is CONTROL]
    os.environ["XDG_STATE_HOME"] = state_folder().name  # a server that keeps state leaves none in this user's folder
    plan = Plan(
        HttpTransport(given.url, headers) if given.url else StdioTransport(given.command),
        given.tool,
        given.arguments,
        given.other,
        given.snapshot_tool,
        given.snapshot_arguments,
        given.within,
        given.at_once,
    )
    verdicts = asyncio.run(run_suite(plan, clients, eras))
    code, why = conclude(verdicts)
    sys.stdout.write(f"{table(verdicts)}\n\n{why}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dev.misbehaving", description=__doc__)
    add = parser.add_argument
    add("--tool", required=True, help="the destructive tool, about which the server asks a person")
    add("--arguments", type=_json_object, default={}, metavar="JSON", help="of a call that it would carry out")
    add("--other", type=_json_object, metavar="JSON", help="of a call about something else, to mix the two up")
    add("--snapshot-tool", metavar="NAME", help="a tool that reads what would be destroyed; its text must not change")
    add("--snapshot-arguments", type=_json_object, default={}, metavar="JSON", help="of that tool")
    add("--within", type=float, default=60.0, metavar="SECONDS", help="in which a response is in time; default 60")
    add("--era", choices=[LEGACY, MODERN], help="only that revision of the protocol; default both")
    add("--only", metavar="WORDS", help="only the clients whose name has these words, and the one that behaves")
    add("--at-once", type=int, default=4, metavar="N", help="clients at a time; default 4")
    add("--url", help="address of a server over Streamable HTTP")
    add("--header", action="append", default=[], metavar="NAME:VALUE", help="sent to that address; may be repeated")
    add("command", nargs="*", help="the server over stdio, and its arguments")
    return parser


def _json_object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("a JSON object is needed")
    return value


if __name__ == "__main__":
    sys.exit(main())
