"""A parsed command line: which command, with what, and with which settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from projects_mcp.cli.output import Output, program_reads
from projects_mcp.config.profiles import with_profile
from projects_mcp.config.settings import Settings, is_given, load
from projects_mcp.config.variables import VARIABLES

__all__ = ["Invocation", "apply_flags"]


@dataclass(frozen=True)
class Invocation:
    """One command, ready to be run.

    Attributes:
        command: its name, such as `tools` or `audit verify`.
        parameters: its own arguments and options, by the names of the function's.
        flags: settings that were given as flags, by their variables.
        function: runs it. It takes this invocation and the parameters, and returns the exit code.
        output: what it prints.
        environment: of the process, with the flags in place of its own settings. Empty before `run`.
    """

    command: str
    parameters: Mapping[str, Any]
    flags: Mapping[str, str]
    function: Callable[..., int]
    output: Output = Output.LOG
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def run(self, environment: Mapping[str, str]) -> int:
        """Run the command in an environment.

        Returns:
            The exit code: one of `exit_codes`.

        Raises:
            SettingsError: the command needs the settings, and one of them is wrong.
            click.UsageError: the arguments do not go together.
        """
        applied = apply_flags(environment, self.flags)
        ready = replace(self, environment=applied)
        parameters = dict(self.parameters)
        if self.output in (Output.ANSWER, Output.FILE):
            parameters["as_json"] = program_reads(asked=parameters["as_json"])
        return self.function(ready, **parameters)

    @property
    def settings(self) -> Settings:
        """The settings of the flags, of the environment, and of the profile that they name.

        Raises:
            SettingsError: one of them is wrong.
        """
        return load(with_profile(self.environment))

    @property
    def options(self) -> tuple[str, ...]:
        """The settings that were given, as options of another command line."""
        words: list[str] = []
        for name, text in self.flags.items():
            flag = VARIABLES[name].flag
            if flag is not None:
                words += [flag.option] if flag.constant is not None else [flag.option, text]
        return tuple(words)

    def worded(self, text: str) -> str:
        """Return a text with the options in place of the variables that nobody has set: those that came as flags."""
        for name, given in self.flags.items():
            flag = VARIABLES[name].flag
            if flag is not None and is_given(given):
                text = text.replace(f"{name}=", f"{flag.option} ").replace(name, flag.option)
        return text


def apply_flags(environment: Mapping[str, str], flags: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with the settings that were given as flags in place of its own.

    A flag whose value is blank or an unexpanded `${…}` counts as not given: a client passes it on for a field that the
    person left empty, and it must not undo a restriction of the environment.
    """
    return {**environment, **{name: text for name, text in flags.items() if is_given(text)}}
