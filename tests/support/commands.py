"""Every command of the command line, and what many of them print in one process."""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import click

from projects_mcp.cli.command import Command
from projects_mcp.cli.group import Group
from projects_mcp.cli.parser import ROOT
from tests.support.process import run_command

MARK = "=====8<====="
DRIVER = f"""
import json, sys
from projects_mcp.cli.main import main
for arguments in json.loads(sys.argv[1]):
    code = main(arguments)
    for stream in (sys.stdout, sys.stderr):
        print(f"{{code}}{MARK}", file=stream, flush=True)
"""
"""Runs many command lines in one process, as that many processes would."""
PROGRAM = [sys.executable, "-c", DRIVER]


class Said(NamedTuple):
    """What one command has printed, and its exit code."""

    code: int
    text: str


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Command]]:
    """All commands, each with the words that name it; of two under one name the one that runs without more words."""
    for name, found in group.commands.items():
        if isinstance(found, click.Group):
            yield from leaves(found, (*path, name))
            default = getattr(found, "default", None)
            if default is not None:
                yield " ".join((*path, name)), default
        else:
            assert isinstance(found, Command)
            yield " ".join((*path, name)), found


COMMANDS = dict(leaves(ROOT))
GROUPS: dict[str, Group] = {
    "": ROOT,
    **{name: found for name, found in ROOT.commands.items() if isinstance(found, Group)},
}


def parts(text: str, names: Sequence[str]) -> Mapping[str, Said]:
    """What each command has printed."""
    found = re.split(rf"(-?\d+){re.escape(MARK)}\r?\n", text)
    return {
        name: Said(int(code), said.replace("\r\n", "\n"))
        for name, said, code in zip(names, found[::2], found[1::2], strict=False)
    }


def in_a_pipe(lines: Mapping[str, Sequence[str]], environment: dict[str, str]) -> Iterator[tuple[str, Said, str]]:
    done = run_command(["setsid", *PROGRAM, json.dumps(list(lines.values()))], **environment)
    out, err = parts(done.stdout, list(lines)), parts(done.stderr, list(lines))
    assert out.keys() == err.keys() == lines.keys(), done.stderr
    for name in lines:
        yield name, out[name], err[name].text
