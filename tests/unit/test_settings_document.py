"""A file of settings: what is taken, and what is said of one that cannot be used."""

from time import perf_counter
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projects_mcp.cli.fleet.settings_input import check_value
from projects_mcp.fleet.settings_document import LARGEST_FILE, DocumentError, read_document
from projects_mcp.sandbox import ACME_ID
from tests.support.settings_files import PLACE, document_of, problems_of

SECRET = "phs_0123456789abcdefghijklmnopqrstuvwxyz"


def test_each_kind_of_table_is_read() -> None:
    document = document_of(
        """
        [defaults]
        clear = ["week_start_day"]
        settings = {anonymize_ips = true}

        [[group]]
        match = {name = "prod-*", ids = [7], except = [8, "prod-old-*"]}
        [group.settings]
        session_recording_sample_rate = "0.5"

        [[project]]
        id = 9
        settings.timezone = "Asia/Tokyo"
        """
    )
    assert document.organization == UUID(ACME_ID)
    assert (document.defaults.settings, document.defaults.clear) == ({"anonymize_ips": True}, ["week_start_day"])
    (group,), (project,) = document.group, document.project
    assert [group.match.holds(number, name) for number, name in ((1, "prod-a"), (7, "x"), (8, "prod-a"))] == [
        *(True, True, False)
    ]
    assert not group.match.holds(1, "prod-old-a")
    assert group.settings == {"session_recording_sample_rate": 0.5}
    assert (project.id, project.settings) == (9, {"timezone": "Asia/Tokyo"})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[default]\n", "line 3: there is no key “default” here. Did you mean `defaults`?"),
        ("[[group]]\nmach = {}\n", "line 4, [[group]] 1: there is no key “mach” here. Did you mean `match`?"),
        ('[[group]]\nmatch = {nam = "a"}\n', "[[group]] 1: there is no key “nam” here. Did you mean `name`?"),
        ("[[group]]\nsettings = {}\n", "line 3, [[group]] 1: it needs `match`"),
        ("[[group]]\nmatch = {except = [1]}\n", "line 4, [[group]] 1: `match` needs `name` or `ids`"),
        ("[group]\nmatch = {}\n", "line 3: tables of this kind stand in double brackets: [[group]]"),
        ("[[project]]\nid = true\n", "line 4, [[project]] 1: `id` must be a whole number"),
        ("[[project]]\nid = 0\n", "line 4, [[project]] 1 (id 0): `id` must be a number from 1"),
        ("[[project]]\nid = 5\n\n[[project]]\nid = 5\n", "line 6, [[project]] 2 (id 5): the same project is in"),
        ("[defaults]\nclear = 3\n", "line 4, [defaults]: `clear` must be a list"),
        (
            "[defaults.settings]\n\nanonymise_ips = true\n",
            "line 5, [defaults]: There is no setting of `settings` named “anonymise_ips”. Did you mean `anonymize_ips`",
        ),
        (
            "[[project]]\nid = 5\n[project.settings]\ntimezone = 3\n",
            "line 6, [[project]] 1 (id 5): `settings.timezone` must be a text",
        ),
        ("[defaults]\nsettings.week_start_day = 4\n", "line 4, [defaults]: `settings.week_start_day` must be one of"),
        ("[defaults]\nclear = ['anonymize_ips']\n", "`anonymize_ips` cannot be cleared: PostHog wants a value for it"),
        ("[defaults]\nclear = ['tagz']\n", "Did you mean `tags`?"),
        (
            "[defaults]\nclear = ['business_model']\nsettings = {business_model = 'b2b'}\n",
            "`business_model` is in both `settings` and `clear`",
        ),
        ("[defaults.settings]\nname = 'x'\n", "`name` is one project's own: set it in a [[project]]"),
        ("[defaults.settings]\nprimary_dashboard = 7\n", "`primary_dashboard` is one project's own"),
        ("[defaults.settings]\nslack_incoming_webhook = 'x'\n", "is a secret, and no file holds one"),
        ("[defaults]\nclear = ['secret_api_token']\n", "`secret_api_token` is a secret, and no file holds one"),
        (f"[defaults.settings.extra_settings]\na = '{SECRET}'\n", "`extra_settings` holds a secret"),
        ("[defaults.settings.modifiers]\na = 1979-05-27\n", "`modifiers` holds a date or a time"),
        ("[defaults.settings.modifiers]\na = nan\n", "must be at most"),
        ("[defaults]\na.b = 1\n[defaults.a]\nb = 2\n", "line 5: it is not TOML: Cannot declare"),
        ("[defaults]\n[defaults]\n", "line 4: it is not TOML: Cannot declare ('defaults',) twice"),
        ("x = ", "it is not TOML: Invalid value"),
        (f"x = {'9' * 5000}\n", "a number or a date is none"),
        (f"x = {'[' * 40_000}", "line 3: values are nested deeper than 32 levels"),
        (f"x = {'{a=' * 40_000}", "line 3: values are nested deeper than 32 levels"),
        (f"{'a.' * 400_000}b = 1\n", "line 3: a key has more than 16 parts"),
        (f"[{'a.' * 400_000}b]\n", "line 3: a key has more than 16 parts"),
        (f"x = {{{'a.' * 400_000}b = 1}}\n", "line 3: a key has more than 16 parts"),
        (b"[defaults]\n# \xff\n", "line 4: it is not text in UTF-8"),
        (b"[defaults]\n#\0\n", "line 4: it holds a NUL character"),
        (f"[[group]]\nmatch = {{name = '{'*a' * 300}'}}\n", "`name` must have at most 400 characters"),
        (f"[[group]]\nmatch = {{ids = [1], except = {['*'] * 21}}}\n", "at most 20 patterns of names"),
        ("[[group]]\nmatch = {ids = [1]}\n" * 201, "`group` has too many entries"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str | bytes, says: str) -> None:
    began = perf_counter()
    found = problems_of(text)
    assert perf_counter() - began < 5
    assert says in found[0]
    assert all(len(problem) < 400 for problem in found)
    assert SECRET not in str(found)


def test_a_file_says_where_it_belongs() -> None:
    assert problems_of("", "") == ["it needs `host`", "it needs `organization`"]
    assert problems_of("", 'host = "us"\norganization = "@current"\n') == [
        "line 2: `organization` must be the UUID of an organization"
    ]


def test_a_key_has_sixteen_parts_at_most() -> None:
    assert "a key has more than" not in problems_of(f"{'a.' * 15}b = 1\n")[0]
    assert problems_of(f"{'a.' * 16}b = 1\n") == ["line 3: a key has more than 16 parts"]


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"])
def test_a_byte_order_mark_is_named(mark: bytes) -> None:
    with pytest.raises(DocumentError, match="line 1: it begins with a byte order mark"):
        read_document(mark + PLACE.encode(), check_value)


def test_a_larger_file_is_not_parsed() -> None:
    with pytest.raises(DocumentError, match="it is larger than 8 MiB"):
        read_document(b"#" * (LARGEST_FILE + 1), check_value)


def test_only_the_first_problems_are_told() -> None:
    many = "".join(f"no_setting_{number} = 1\n" for number in range(500))
    assert len(problems_of(f"[defaults.settings]\n{many}")) == 8


@settings(max_examples=150)
@given(
    st.lists(
        st.sampled_from(
            [
                "[",
                "]",
                "[[project]]\n",
                "{",
                "}",
                "=",
                ".",
                '"""',
                "'''",
                '"',
                "'",
                "\n",
                "a",
                "id = 1\n",
                "\\",
                ",",
                "#",
            ]
        ),
        max_size=60,
    ).map("".join)
)
def test_whatever_a_file_holds_it_is_read_or_refused(text: str) -> None:
    problems_of(text)


@given(st.binary(max_size=200))
def test_whatever_bytes_a_file_has_it_is_read_or_refused(data: bytes) -> None:
    problems_of(data)
