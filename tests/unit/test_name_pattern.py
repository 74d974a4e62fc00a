"""Patterns of names match as a shell's do, and in time that no pattern blows up."""

from fnmatch import fnmatchcase
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projects_mcp.fleet.name_pattern import MOST_CHARACTERS, NamePattern


@settings(max_examples=300)
@given(st.text("ab*?[]!-", max_size=10), st.text("ab*?[]!-", max_size=10))
def test_a_pattern_matches_as_in_a_shell(pattern: str, name: str) -> None:
    assert NamePattern(pattern).matches(name) is fnmatchcase(name, pattern)


@given(st.text(max_size=30))
def test_a_name_without_signs_matches_itself_alone(name: str) -> None:
    plain = "".join(character for character in name if character not in "*?[")
    assert NamePattern(plain).matches(plain)
    assert not NamePattern(plain).matches(f"{plain}x")
    assert NamePattern("*").matches(name)


def test_case_and_lines_count() -> None:
    assert not NamePattern("Prod-*").matches("prod-a")
    assert NamePattern("prod-*").matches("prod-a\nb")
    assert not NamePattern("prod").matches("prod\n")


def test_a_pattern_that_makes_others_try_again_takes_one_pass() -> None:
    pattern = NamePattern("*a" * (MOST_CHARACTERS // 2 - 1) + "b")
    began = perf_counter()
    assert not pattern.matches("a" * 20_000)
    assert perf_counter() - began < 2


def test_a_longer_pattern_is_refused() -> None:
    NamePattern("x" * MOST_CHARACTERS)
    with pytest.raises(ValueError, match=r"^$"):
        NamePattern("x" * (MOST_CHARACTERS + 1))
