"""Host names and origins have one form each, and two of them are equal exactly if a browser means the same."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects_mcp.config.settings import SettingsError, load
from projects_mcp.config.web_names import host_form, host_of, origin_form

HOSTS, ORIGINS = "PROJECTS_MCP_ALLOWED_HOSTS", "PROJECTS_MCP_ALLOWED_ORIGINS"
LABELS = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8)
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join) | st.sampled_from(
    ["127.0.0.1", "[::1]", "[2001:db8::7]"]
)
PORTS = st.none() | st.integers(1, 65_535) | st.sampled_from([80, 443])
SCHEMES = st.sampled_from(["http", "https", "chrome-extension"])
PARTS = st.tuples(SCHEMES, NAMES, PORTS)
DEFAULT = {"http": 80, "https": 443}
Parts = tuple[str, str, int | None]


def written(parts: Parts) -> str:
    scheme, name, port = parts
    return f"{scheme}://{name}" + ("" if port is None else f":{port}")


def meant(parts: Parts) -> Parts:
    """What an origin stands for: RFC 6454, 4."""
    scheme, name, port = parts
    return scheme, name, DEFAULT.get(scheme) if port is None else port


@given(PARTS, PARTS)
def test_two_origins_are_equal_exactly_if_scheme_host_and_port_are(one: Parts, other: Parts) -> None:
    assert (origin_form(written(one)) == origin_form(written(other))) is (meant(one) == meant(other))


@given(PARTS, st.randoms(use_true_random=False))
def test_case_makes_no_difference(parts: Parts, random: object) -> None:
    choice = getattr(random, "choice")  # noqa: B009 - hypothesis' own kind of Random has no type
    mixed = "".join(choice((letter.lower(), letter.upper())) for letter in written(parts))
    assert origin_form(mixed) == origin_form(written(parts)) is not None


@given(PARTS, st.text(min_size=1, max_size=12), st.booleans())
def test_what_stands_before_or_behind_an_origin_makes_it_another_one(parts: Parts, more: str, before: bool) -> None:
    origin = written(parts)
    longer = more + origin if before else origin + more
    form = origin_form(longer)
    # the form may be an origin, but of another scheme, host or port: never this one
    same = form == origin_form(origin)
    assert not same or (parts[2] is None and longer == f"{origin}:{DEFAULT.get(parts[0])}")


@given(st.text(max_size=40) | st.text(".:/[]@*?#%\\ \tab1", max_size=40))
def test_a_form_is_its_own_form_and_of_ascii(text: str) -> None:
    for form in (host_form, origin_form):
        one = form(text)
        assert one is None or (one.isascii() and one == one.lower() == form(one))


@pytest.mark.parametrize(
    "wrong",
    [
        *("*", "*.example.com", "https://mcp.example.com", "mcp.example.com/", "mcp.example.com/mcp", "a b", "a:b"),
        *("mcp.example.com:*", "mcp.example.com:0", "mcp.example.com:65536", "mcp.example.com:", "mcp.example.com."),
        *("anna@mcp.example.com", "::1", "[::g]", "[]", "mcp..example.com", "-mcp.example.com", "mcp.exämple.com"),
        *("\u212aube.example", f"{'a.' * 130}com", ",", "mcp.example.com,*", "null/x"),
    ],
)
def test_a_wrong_host_stops_the_start(wrong: str) -> None:
    with pytest.raises(SettingsError, match=f"^{HOSTS} must be host names, .*no \\*") as error:
        load({HOSTS: wrong})
    assert error.value.names == (HOSTS,)


@pytest.mark.parametrize(
    "wrong",
    [
        *(
            "*",
            "null",
            "app.example.com",
            "https://",
            "https://*",
            "https://*.example.com",
            "https://app.example.com:*",
        ),
        *("https://app.example.com/page", "https://app.example.com?x", "https://app.example.com//", "://app", "//app"),
        *("https://anna@app.example.com", "https://app.example.com:0443", "https://app.example.com:99999", "file:///"),
        *("https://app.exämple.com", "https:app.example.com", "https://app.example.com,null", "\u212attp://a.example"),
    ],
)
def test_a_wrong_origin_stops_the_start(wrong: str) -> None:
    with pytest.raises(SettingsError, match=f"^{ORIGINS} must be origins, .*no \\*") as error:
        load({ORIGINS: wrong})
    assert error.value.names == (ORIGINS,)


def test_what_is_meant_is_taken_in_one_form() -> None:
    settings = load(
        {
            HOSTS: "MCP.Example.com, mcp.example.com,other.example.com:8443,[2001:DB8:0::7]:80,under_score,192.0.2.7",
            ORIGINS: "https://App.Example.com:443/,https://app.example.com, http://[::1]:3000,chrome-extension://abcd",
        }
    )
    assert settings.serving.hosts == (
        *("mcp.example.com", "other.example.com:8443", "[2001:db8::7]:80", "under_score", "192.0.2.7"),
    )
    assert settings.serving.origins == ("https://app.example.com", "http://[::1]:3000", "chrome-extension://abcd")


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://MCP.example.com/mcp", "mcp.example.com"),
        ("https://mcp.example.com:443/mcp", "mcp.example.com"),
        ("https://mcp.example.com:8443?a=b", "mcp.example.com:8443"),
        ("http://[::1]:8787/mcp", "[::1]:8787"),
        ("https://mcp.exämple.com/mcp", None),
    ],
)
def test_the_host_of_an_address(address: str, host: str | None) -> None:
    assert host_of(address) == host
