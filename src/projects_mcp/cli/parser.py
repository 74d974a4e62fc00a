"""Parse the arguments of the command line. Most clients start the server without any and never import this."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Final, NoReturn

from projects_mcp._version import __version__
from projects_mcp.api.types import MAX_ID
from projects_mcp.cli.exit_codes import USAGE
from projects_mcp.cli.terminal import say
from projects_mcp.config.parsers import parse_whole_number
from projects_mcp.config.settings import is_given
from projects_mcp.config.variables import VARIABLES
from projects_mcp.sanitize.text import on_one_line

__all__ = ["apply_flags", "parse"]

_VERIFY: Final = "verify"
"""The first word that makes `audit` a check of audit logs: no setting has that name."""
_MOST_DIGITS: Final = 19


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints, which quote the arguments, are printed as all else is."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and the complaint on stderr, and end with code 2."""
        self.print_usage(sys.stderr)
        say(f"{self.prog}: error: {on_one_line(message)}", error=True)
        self.exit(USAGE)


def parse(arguments: Sequence[str]) -> SimpleNamespace:
    """Parse the arguments of the command line.

    Args:
        arguments: without the program's name.

    Raises:
        SystemExit: after `--help` and `--version`, with code 0, and after an error in the arguments, with code 2.
    """
    parser = _build_parser()
    options = parser.parse_args(arguments, SimpleNamespace())
    if problem := _problem(options):
        parser.error(problem)
    return options


def _problem(options: SimpleNamespace) -> str:
    """Return what is wrong with arguments that depend on each other; empty if nothing is."""
    if options.command == "caller" and (options.name is None) != (options.action == "list"):
        return "caller takes the name of a caller, but for list"
    if options.command == "export":
        return "" if options.all != bool(options.ids) else "export takes the ids of projects, or --all"
    if options.command != "audit":
        return ""
    verifies = options.words[:1] == [_VERIFY]
    if verifies:
        return "" if options.words[1:] else "audit verify takes FILE…: the audit logs to check"
    if odd := [word for word in options.words if "=" not in word]:
        return f"audit takes conditions as FIELD=VALUE, or the word {_VERIFY} and files; {odd[0]!r:.60} is neither"
    return "--head and --passkeys are for audit verify" if options.head or options.passkeys else ""


def apply_flags(environment: Mapping[str, str], options: SimpleNamespace) -> dict[str, str]:
    """Return the environment with the settings that were given as flags in place of its own.

    A flag whose value is blank or an unexpanded `${…}` counts as not given: a client passes it on for a field that the
    person left empty, and it must not undo a restriction of the environment.
    """
    given = {name: getattr(options, name) for name in VARIABLES if hasattr(options, name)}
    return {**environment, **{name: text for name, text in given.items() if is_given(text)}}


def _settings_parser() -> _Parser:
    """Build the flags that every command takes."""
    common = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = common.add_argument_group("settings, over those of the environment")
    flags = [(name, row.flag) for name, row in VARIABLES.items() if row.flag is not None]
    for name, flag in sorted(flags, key=lambda item: item[1].constant is None):  # those that take no value come first
        about = flag.about or f"over {name}"
        if flag.constant is not None:
            group.add_argument(flag.option, dest=name, action="store_const", const=flag.constant, help=about)
        else:
            group.add_argument(flag.option, dest=name, metavar="VALUE", help=about, action=_LastGiven)
    return common


def _build_parser() -> _Parser:
    common = _settings_parser()
    parser = _Parser(
        prog="projects-mcp",
        parents=[common],
        description="An MCP server that manages PostHog projects safely. Without a command it serves over stdio.",
    )
    parser.add_argument("--version", action="version", version=f"projects-mcp {__version__}")
    _add_commands(parser.add_subparsers(dest="command", metavar="COMMAND"), common)
    return parser


def _add_commands(commands: argparse._SubParsersAction[_Parser], common: _Parser) -> None:
    """Add a parser for each command, in the order of `--help`."""
    demo = commands.add_parser("demo", parents=[common], help="show each tool at work on the sandbox")
    demo.add_argument("--color", choices=["auto", "always", "never"], default="auto", help="default: as the terminal")

    login = commands.add_parser("login", parents=[common], help="keep a region and a key in a profile")
    login.add_argument("--no-browser", dest="browser", action="store_false", help="only name the page for keys")
    commands.add_parser("logout", parents=[common], help="take the key out of a profile")
    profiles = commands.add_parser("profiles", parents=[common], help="list the profiles, without their keys")
    profiles.add_argument("--json", action="store_true", help="as a JSON list")

    call = commands.add_parser("call", parents=[common], help="run one tool and print its answer as JSON")
    call.add_argument("tool", help="the tool's name; see: projects-mcp tools")
    call.add_argument("pairs", nargs="*", metavar="key=value", help="an argument; settings.timezone=UTC reaches inside")
    call.add_argument("--json", metavar="OBJECT", help="all arguments as one JSON object; - reads it from stdin")

    tools = commands.add_parser("tools", parents=[common], help="list the tools, and what is hidden and why")
    tools.add_argument("--json", action="store_true", help="with their schemas, as JSON")

    serve = commands.add_parser("serve", parents=[common], help="serve over Streamable HTTP, for one or for many")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on; default: 127.0.0.1")
    serve.add_argument("--port", type=_port, default=8787, help="default: 8787; 0 takes a free one")

    caller = commands.add_parser("caller", parents=[common], help="make, list and revoke those who may call serve")
    caller.add_argument("action", choices=["new", "list", "revoke"], help="new: make a token and print its entry")
    caller.add_argument("name", nargs="?", help="the caller's name, for the audit log; not for list")
    caller.add_argument("--scopes", help="new: read or read,write; default: read")
    caller.add_argument("--credential", metavar="NAME", help="new: a [credentials.NAME] of the callers file")
    caller.add_argument("--json", action="store_true", help="list: as a JSON list")

    approvals = commands.add_parser("approvals", parents=[common], help="list the calls that wait for a person")
    approvals.add_argument("--json", action="store_true", help="as a JSON list")

    approve = commands.add_parser("approve", parents=[common], help="decide on a call that waits for a person")
    approve.add_argument("code", help="the code that the refusal of the call names, such as 7F3K-9QWX")
    approve.add_argument("--deny", action="store_true", help="say no; the call is then refused until the code ends")
    approve.add_argument("--browser", action="store_true", help="decide on its page, which signs with a passkey too")

    passkey = commands.add_parser("passkey", parents=[common], help="enrol, list and remove the passkeys that approve")
    passkey.add_argument("action", choices=["add", "list", "remove", "invite"], help="invite: at the public address")
    passkey.add_argument("name", nargs="?", help="whose passkey it is; not for list")
    passkey.add_argument("--json", action="store_true", help="list them as audit verify --passkeys reads them")

    doctor = commands.add_parser("doctor", parents=[common], help="find out what is wrong, and what to do about it")
    doctor.add_argument("--json", action="store_true", help="as one JSON object")

    _add_fleet_commands(commands, common)

    install = commands.add_parser("install", parents=[common], help="print or write the entry for a client")
    install.add_argument("client", help="the client's name, such as cursor; a wrong one lists them")
    install.add_argument("--name", default="posthog-projects", help="of the entry; default: posthog-projects")
    install.add_argument("--write", action="store_true", help="put it into the client's file, and keep a backup")
    install.add_argument(
        "--force",
        action="store_true",
        help="replace another entry of the same name, or rename this server's former one",
    )

    sandbox = commands.add_parser("sandbox", parents=[common], help="serve the sandbox on this machine")
    sandbox.add_argument("--port", type=_port, default=8786, help="default: 8786; 0 takes a free one")
    sandbox.add_argument("--projects", type=_count, metavar="N", help="so many projects more, as of many customers")
    sandbox.add_argument("--posthog", metavar="VERSION", help="the PostHog that it plays: current (default) or 2025-08")
    sandbox.add_argument(
        "--world", metavar="FILE", help="a JSON document of the organizations, users, keys and projects"
    )
    sandbox.add_argument(
        "--slow-writes",
        metavar="ANSWER:SECONDS",
        help="lose the answer of each write (late, cut, 502, 503 or 504), which takes effect later or never: 504:8",
    )


def _add_fleet_commands(commands: argparse._SubParsersAction[_Parser], common: _Parser) -> None:
    """Add the commands about many projects. The word `verify` makes `audit` one about audit logs."""
    audit = commands.add_parser(
        "audit",
        parents=[common],
        usage="%(prog)s [FIELD=VALUE ...] [--fields A,B] [--json]\n       %(prog)s verify FILE... [--head N:SHA256]",
        help="find the projects with certain settings; with verify: check audit logs",
    )
    audit.add_argument("words", nargs="*", metavar="FIELD=VALUE", help="a setting, and its value or several: a=1,2")
    audit.add_argument("--fields", metavar="A,B", default="", help="settings to show of each project, and to count")
    audit.add_argument("--json", action="store_true", help="as one JSON object")
    audit.add_argument("--head", action="append", default=[], metavar="N:SHA256", help="verify: an end noted before")
    audit.add_argument("--passkeys", metavar="FILE", help="verify: the enrolled passkeys, with those that were removed")

    compare = commands.add_parser("compare", parents=[common], help="show what differs between two projects")
    compare.add_argument("first", type=_project_id, metavar="A", help="id of a project")
    compare.add_argument("second", type=_project_id, metavar="B", help="id of the one to compare it with")
    compare.add_argument("--json", action="store_true", help="as one JSON object; the exit code is 3 if they differ")

    export = commands.add_parser("export", parents=[common], help="write the settings of projects to a TOML file")
    export.add_argument("ids", nargs="*", type=_project_id, metavar="ID", help="of a project")
    export.add_argument("--all", action="store_true", help="all projects of the organization")
    export.add_argument("--out", metavar="FILE", help="the file, whose comments stay; default: stdout")

    drift = commands.add_parser("drift", parents=[common], help="show which projects differ from a file of settings")
    drift.add_argument("file", metavar="FILE", help="a TOML file, as export writes it")
    drift.add_argument("--json", action="store_true", help="as one JSON object; the exit code is 3 if one differs")


class _LastGiven(argparse.Action):
    """Keeps the last value of an option that is one: a blank one takes the place of nothing."""

    def __call__(
        self,
        _parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        _option: str | None = None,
    ) -> None:
        """Keep a value, if it is one."""
        if is_given(values):
            setattr(namespace, self.dest, values)


def _port(text: str) -> int:
    port = parse_whole_number(text, 0, 65_535, digits=5)
    if port is None:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return port


def _project_id(text: str) -> int:
    number = parse_whole_number(text, 1, MAX_ID, digits=_MOST_DIGITS)
    if number is None:
        raise argparse.ArgumentTypeError("the id of a project is a number from 1")
    return number


def _count(text: str) -> int:
    count = parse_whole_number(text, 1, 2_000, digits=4)
    if count is None:
        raise argparse.ArgumentTypeError("projects are 1 to 2000")
    return count
