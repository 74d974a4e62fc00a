"""Shell completion: click's answers, and scripts that take `name=value` for one word, with commas in the value."""

from __future__ import annotations

import os
from typing import Final

import click
from click.shell_completion import (
    BashComplete,
    FishComplete,
    ZshComplete,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

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

_ZSH: Final = r"""#compdef %(prog_name)s
# Completion of projects-mcp for zsh.
%(complete_func)s() {
    local -a response whole open
    local type value about
    type="COMP_WORDS=${words[*]}" value="COMP_CWORD=$((CURRENT-1))"
    response=("${(@f)$(env $type $value %(complete_var)s=zsh_complete ${~words[1]} 2>/dev/null)}")
    for type value about in ${response}; do
        [[ $about == _ ]] && about="" || about=":$about"
        case $type in
            dir) _path_files -/ ;;
            file) _path_files ;;
            plain) [[ $value == *[=.] ]] && open+=("$value$about") || whole+=("$value$about") ;;
        esac
    done
    (( $#whole )) && _describe -V unsorted whole -U
    (( $#open )) && _describe -V unsorted open -U -S ""
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""
"""What ends with `=` or a dot is no whole word yet, so that no space follows."""

_FISH: Final = r"""# Completion of projects-mcp for fish 3.4 or newer.
function %(complete_func)s
    set -l program (string replace -r '^~' $HOME -- (commandline -po)[1])
    set -l line (commandline -cp | string collect)
    set -l word (commandline -ct | string collect)
    for completion in (COMP_WORDS=$line COMP_CWORD=$word %(complete_var)s=fish_complete $program 2>/dev/null)
        set -l parts (string split -m 1 , -- $completion)
        switch $parts[1]
            case dir
                __fish_complete_directories $parts[2]
            case file
                __fish_complete_path $parts[2]
            case plain
                echo $parts[2]
        end
    end
end
complete --no-files --keep-order --command %(prog_name)s --arguments "(%(complete_func)s)"
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


class WholeWordZsh(ZshComplete):
    """Completion for zsh, which asks the command that was typed, wherever it is."""

    name = "zsh"
    source_template = _ZSH


class WholeWordFish(FishComplete):
    """Completion for fish, as for zsh. Click's script cuts a value at its first comma."""

    name = "fish"
    source_template = _FISH


def prepare_completion() -> None:
    """Let click use the completion of this module."""
    for kind in (WholeWordBash, WholeWordZsh, WholeWordFish):
        add_completion_class(kind)


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
