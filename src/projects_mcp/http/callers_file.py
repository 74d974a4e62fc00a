"""The callers file: read it, check it, and say in one line what is wrong with it.

Its tables are pydantic models. Each field carries its own words, because an operator reads them, and because pydantic's
own would show the value, which may be a secret.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
)
from pydantic_core import PydanticCustomError

from projects_mcp.config.parsers import SettingsError, read_personal_key
from projects_mcp.http.callers import (
    CALLER_NAME,
    CALLS_PER_MINUTE,
    CONCURRENT_CALLS,
    DEFAULT_CREDENTIAL,
    SCOPES,
    Caller,
    Callers,
)
from projects_mcp.http.limits import CALLERS_FILE_BYTES
from projects_mcp.policy.access import Access
from projects_mcp.policy.authorization import CallerGrant
from projects_mcp.posthog.credentials import Credentials

__all__ = ["CallerTable", "CredentialTable", "load_callers", "read_callers"]

_OTHERS: Final = 0o077
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_NEEDS_SCOPES: Final = "needs scopes, a list of texts"
_TableT = TypeVar("_TableT", bound=BaseModel)
_TWICE: Final = re.compile(r"Cannot declare \('(\w{1,64})', '([\w.-]{1,64})'\) twice")
"""What Python says of a table that stands twice. Nothing else that it quotes of a file is shown."""


def load_callers(path: Path, environment: Mapping[str, str]) -> Callers:
    """Read a callers file.

    Args:
        path: a TOML file that only its owner can read.
        environment: may hold its credentials.

    Raises:
        SettingsError: it cannot be read or used. The text is one line, and shows no secret.
    """
    document = _read_document(path)
    credentials = {
        name: _credentials(name, table, environment) for name, table in _tables(document, "credentials").items()
    }
    by_hash: dict[str, Caller] = {}
    for name, table in _tables(document, "callers").items():
        entry = _validate(CallerTable, f"[callers.{name}]", table)
        _require(entry.token_sha256 not in by_hash, f"[callers.{name}] has the token of another caller")
        known = entry.credential == DEFAULT_CREDENTIAL or entry.credential in credentials
        _require(known, f"[callers.{name}] names a credential that is not there: add [credentials.NAME]")
        by_hash[entry.token_sha256] = entry.caller(name)
    _require(bool(by_hash), "it names no caller")
    return Callers(by_hash, credentials)


def read_callers(path: Path) -> dict[str, Caller]:
    """Read the callers of a callers file by their names, without the credentials that `serve` finds for them.

    Raises:
        SettingsError: it cannot be read or used. The text is one line, and shows no secret.
    """
    tables = _tables(_read_document(path), "callers")
    return {name: _validate(CallerTable, f"[callers.{name}]", table).caller(name) for name, table in tables.items()}


def _read_document(path: Path) -> dict[str, Any]:
    document = _read_toml(path)
    unknown = set(document) - {"callers", "credentials"}
    _require(
        not unknown, f"there is no section [{_first_harmless(unknown)}]; use [callers.NAME] and [credentials.NAME]"
    )
    return document


# The models -------------------------------------------------------------------------------------------------------


def _says(problem: str) -> WrapValidator:
    """Say in our words that a value has the wrong type or is out of bounds."""

    def validate(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            raise PydanticCustomError("worded", problem) from None

    return WrapValidator(validate)


def _text(field: str) -> BeforeValidator:
    """Require a text. Stands last in the row of a field that is read from a text, and is asked first."""

    def validate(value: object) -> object:
        if not isinstance(value, str):
            raise PydanticCustomError("worded", f"{field} must be a text")
        return value

    return BeforeValidator(validate)


def _read(read: Callable[[str], object], problem: str) -> BeforeValidator:
    """Read a value from its text, or say what is wrong with it."""

    def validate(text: str) -> object:
        try:
            return read(text)
        except ValueError:
            raise PydanticCustomError("worded", problem) from None

    return BeforeValidator(validate)


def _known_scopes(scopes: list[str]) -> list[str]:
    if not set(scopes) <= set(SCOPES):
        raise PydanticCustomError("worded", f"scopes may hold {' and '.join(SCOPES)}")
    return scopes


def _sha256(text: str) -> str:
    if not _HASH.fullmatch(text.lower()):
        raise ValueError
    return text.lower()


_MOST: Final = 2**53 - 1
_Name: TypeAlias = Annotated[str, Field(pattern=f"^{CALLER_NAME.pattern}$")]
_Number: TypeAlias = Annotated[int, Field(ge=1, le=_MOST)]


class _Table(BaseModel):
    """A table of the file. Its types are exact, and it has no other fields."""

    model_config = ConfigDict(strict=True, extra="forbid")


class CallerTable(_Table):
    """`[callers.NAME]`."""

    token_sha256: Annotated[
        str, _read(_sha256, "token_sha256 must be 64 hexadecimal digits"), _text("token_sha256")
    ] = Field(repr=False)
    scopes: Annotated[list[str], _says(_NEEDS_SCOPES), AfterValidator(_known_scopes)]
    access: Annotated[Access, _read(Access, f"access must be one of {', '.join(Access)}"), _text("access")] = (
        Access.FULL
    )
    # An empty text is no UUID: only what is not there at all means any.
    organization: Annotated[UUID | None, _read(UUID, "organization must be a UUID"), _text("organization")] = None
    credential: Annotated[str, _text("credential")] = DEFAULT_CREDENTIAL
    protected_projects: Annotated[list[_Number], _says("protected_projects must be a list of project ids")] = []
    approvers: Annotated[list[_Name] | None, _says("approvers must be a list of names of passkeys")] = None
    concurrent_calls: Annotated[_Number, _says("concurrent_calls must be a number from 1")] = CONCURRENT_CALLS
    calls_per_minute: Annotated[_Number, _says("calls_per_minute must be a number from 1")] = CALLS_PER_MINUTE

    def caller(self, name: str) -> Caller:
        """Return the caller that the table describes."""
        organizations = None if self.organization is None else frozenset([self.organization])
        return Caller(
            CallerGrant(
                name,
                frozenset(self.scopes),
                organizations,
                self.access,
                frozenset(self.protected_projects),
                None if self.approvers is None else tuple(self.approvers),
            ),
            credential=self.credential,
            organization=self.organization,
            at_once=self.concurrent_calls,
            per_minute=self.calls_per_minute,
        )


class CredentialTable(_Table):
    """`[credentials.NAME]`. It never holds the key itself."""

    key_env: Annotated[str, _text("key_env")] = ""
    key_file: Annotated[str, _text("key_file")] = Field("", validate_default=True)

    @field_validator("key_file")
    @classmethod
    def _one_source(cls, key_file: str, info: ValidationInfo) -> str:
        if bool(info.data.get("key_env")) == bool(key_file):
            raise PydanticCustomError("worded", "needs key_env, the name of a variable, or key_file, a path")
        return key_file


def _validate(model: type[_TableT], where: str, table: Mapping[str, Any]) -> _TableT:
    """Validate a table.

    Raises:
        SettingsError: a field is wrong. The text names the table and says what is wrong with the first such field.
    """
    try:
        return model.model_validate(table)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
    first, field = problems[0], str(problems[0]["loc"][0])
    if first["type"] == "missing":
        problem = _NEEDS_SCOPES if field == "scopes" else f"needs {field}"
    elif first["type"] == "extra_forbidden":  # pydantic names these last, so there is nothing else
        problem = f"has nothing named {_first_harmless(str(one['loc'][0]) for one in problems)}"
    else:
        problem = first["msg"]
    raise _unusable(f"{where} {problem}")


# The file ---------------------------------------------------------------------------------------------------------


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        # Never waits: what should be a file may be a pipe.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            _require(stat.S_ISREG(status.st_mode), "it is no regular file")
            if hasattr(os, "getuid") and status.st_mode & _OTHERS:
                raise SettingsError(
                    f"PROJECTS_MCP_CALLERS can be read by others: chmod {stat.S_IMODE(status.st_mode) & ~_OTHERS:o} it."
                )
            _require(status.st_size <= CALLERS_FILE_BYTES, "it is larger than a megabyte")
            return tomllib.loads(file.read(CALLERS_FILE_BYTES).decode())
    except OSError as error:
        raise SettingsError(f"PROJECTS_MCP_CALLERS cannot be read: {error.strerror}.") from None
    except RecursionError:
        raise SettingsError("PROJECTS_MCP_CALLERS is not TOML: it is nested too deeply.") from None
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"at line \d+", str(error))
        at = f" {where[0]}" if where else ""
        if twice := _TWICE.match(str(error)):
            table = f"[{twice[1]}.{twice[2]}]"
            raise SettingsError(f"PROJECTS_MCP_CALLERS has {table} twice, again{at}: take one of them out.") from None
        raise SettingsError(f"PROJECTS_MCP_CALLERS is not TOML{at}.") from None
    except ValueError:
        raise SettingsError("PROJECTS_MCP_CALLERS is not UTF-8 text.") from None


def _tables(document: Mapping[str, Any], section: str) -> dict[str, dict[str, Any]]:
    """Return the tables of a section by their names."""
    value = document.get(section, {})
    _require(
        isinstance(value, dict) and all(isinstance(table, dict) for table in value.values()),
        f"each entry of {section} is a section of its own: [{section}.NAME]",
    )
    wrong = {name for name in value if not CALLER_NAME.fullmatch(name)}
    _require(not wrong, f"a name in [{section}] has 1 to 64 letters, digits, dots, hyphens or underscores")
    return dict(value)


def _credentials(name: str, table: Mapping[str, Any], environment: Mapping[str, str]) -> Credentials:
    where = f"[credentials.{name}]"
    _require(name != DEFAULT_CREDENTIAL, "the credential default is the key of the process itself")
    source = _validate(CredentialTable, where, table)
    value = environment.get(source.key_env, "").strip() if source.key_env else None
    _require(value != "", f"{where} the variable of key_env is not set")
    return Credentials(key=read_personal_key(where, value, source.key_file))


def _first_harmless(names: Iterable[str]) -> str:
    """Return the first of some names, as far as it can be shown."""
    first = min(names, default="")
    return first if CALLER_NAME.fullmatch(first) else "…"


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise _unusable(problem)


def _unusable(problem: str) -> SettingsError:
    return SettingsError(f"PROJECTS_MCP_CALLERS cannot be used: {problem}.")
