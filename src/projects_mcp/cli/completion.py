"""Shell completion: click's own, and for bash one that takes `name=value` for one word."""

from __future__ import annotations

import os
from typing import Final

import click
from click.shell_completion import BashComplete, add_completion_class, get_completion_class, split_arg_string

__all__ = ["PROGRAM", "SHELLS", "VARIABLE", "prepare_completion", "script_for"]

PROGRAM: Final = "projects-mcp"
VARIABLE: Final = "_PROJECTS_MCP_COMPLETE"
"""The variable by which the script of a shell asks for completions."""
SHELLS: Final = ("bash", "zsh", "fish")

_BASH: Final = r"""# Completion of projects-mcp for bash 4.4 or newer.
%(complete_func)s() {
    local line="${COMP_LINE:0:COMP_POINT}" word before type value
    word="${line##*[[:space:]]}"
    before="${word%%"${word##*[=:]}"}"
    [[ $COMP_WORDBREAKS == *=* ]] || before=""
    while IFS=, read -r type value; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain)
                [[ $value == *[=.] ]] && compopt -o nospace
                COMPREPLY+=("${value#"$before"}")
                ;;
        esac
    done < <(COMP_WORDS="$line" %(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class WholeWordBash(BashComplete):
    """Completion for bash, which takes `=` and `:` for the ends of words, and is handed the line instead."""

    name = "bash"
    source_template = _BASH

    def source(self) -> str:
        """Return the script. The class above starts a bash first, to complain of an old one."""
        return self.source_template % self.source_vars()

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one that is completed, and what is typed of that."""
        line = os.environ.get("COMP_WORDS", "")
        words = split_arg_string(line)[1:]
        return (words, "") if not words or line[-1:].isspace() else (words[:-1], words[-1])


def prepare_completion() -> None:
    """Let click use the completion of this module."""
    add_completion_class(WholeWordBash)


def script_for(shell: str) -> str:
    """Return the script that a shell reads to complete the command line.

    Args:
        shell: one of `SHELLS`.
    """
    prepare_completion()
    kind = get_completion_class(shell)
    if kind is None:
        raise AssertionError(shell)
    return kind(click.Command(PROGRAM), {}, PROGRAM, VARIABLE).source()
