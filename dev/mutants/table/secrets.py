"""Mutants of redaction: ordinary words stay, and secrets go in every dress."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dev.mutants.mutant import Mutant

__all__ = ["SECRETS"]

_ORDINARY: Final = "tests/security/test_redaction.py::test_ordinary_words_stay_as_they_are"
_DRESSES: Final = "tests/security/test_redaction.py::test_a_secret_is_removed_in_every_dress"
_RULES: Final = "tests/security/test_rules.py"
_STAYS: Final = f"{_RULES}::test_what_is_no_secret_stays_as_it_is_byte_for_byte"
_SURVIVES: Final = f"{_RULES}::test_no_secret_survives_wherever_it_is"
_SEEN: Final = "tests/security/test_redaction.py"
_PATTERNS: Final = "src/projects_mcp/sanitize/patterns.py"
_REDACTION: Final = "src/projects_mcp/sanitize/redaction.py"

SECRETS: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "What was harmless once is looked at again with other secrets": (
        Mutant(
            "keep-what-was-harmless-before",
            _REDACTION,
            "        self._secrets = _Secrets([*self._secrets.own, *own])",
            "        former = self._secrets\n        self._secrets = _Secrets([*former.own, *own])\n"
            "        self._secrets._harmless.update(former._harmless)",
            (f"{_SEEN}::test_a_text_that_was_seen_before_is_shown_as_the_first_time",),
        ),
        Mutant(
            "keep-what-was-a-plain-name-before",
            _REDACTION,
            "        self._secrets = _Secrets([*self._secrets.own, *own])",
            "        former = self._secrets\n        self._secrets = _Secrets([*former.own, *own])\n"
            "        self._secrets._plain_names.update(former._plain_names)",
            (f"{_SEEN}::test_a_name_that_was_seen_before_is_shown_as_the_first_time",),
        ),
        Mutant(
            "keep-what-was-not-harmless",
            _REDACTION,
            "        if clean == text:\n            _keep(",
            "        if True:\n            _keep(",
            (
                f"{_SEEN}::test_a_text_that_was_seen_before_is_shown_as_the_first_time",
                f"{_SEEN}::test_no_text_with_a_secret_is_remembered",
            ),
        ),
    ),
    "A name is passed over only if it is of no secret": (
        Mutant(
            "pass-over-names-that-speak",
            _REDACTION,
            "plain = name not in FIELDS and not _speaks(name) and",
            "plain = name not in FIELDS and",
            (f"{_RULES}::test_names_that_speak_of_a_secret_are_enough",),
        ),
        Mutant(
            "pass-over-names-inside-a-secret",
            _REDACTION,
            "if not secret and not named and self._secrets.is_plain(name)",
            "if not named and self._secrets.is_plain(name)",
            (f"{_RULES}::test_nothing_below_a_name_of_a_secret_is_shown",),
        ),
        Mutant(
            "pass-over-the-value-of-a-named-secret",
            _REDACTION,
            "if not secret and not named and self._secrets.is_plain(name)",
            "if not secret and self._secrets.is_plain(name)",
            (_SEEN,),
        ),
    ),
    "Ordinary words are no secrets": (
        Mutant(
            "find-tokens-inside-words",
            _PATTERNS,
            'rf"{_START}(?:(?<!_)ph[aersx]_',
            'rf"(?:ph[aersx]_',
            (_ORDINARY, _STAYS),
        ),
        Mutant(
            "find-tokens-of-any-length",
            _PATTERNS,
            "(?:(?=[a-z_-]{{0,32}}[A-Z0-9])[A-Za-z0-9_-]{{8,}}|[a-z]{{16,}})",
            "[A-Za-z0-9_-]+",
            (_ORDINARY, _STAYS),
        ),
        Mutant(
            "take-a-word-for-bearer-credentials",
            _PATTERNS,
            r"\s{1,8}(?=[A-Za-z]?[a-z._~+/=-]{0,128}[A-Z0-9])[A-Za-z0-9._~+/=-]{12,}",
            r"\s{1,8}[A-Za-z0-9._~+/=-]+",
            (_ORDINARY, _STAYS),
        ),
        Mutant(
            "take-a-measure-for-a-secret",
            _REDACTION,
            "return number and measures(name)",
            "return False",
            (_ORDINARY,),
        ),
        Mutant(
            "let-two-redacted-keys-merge",
            _REDACTION,
            "shown = unused_key(shown, clean, value)",
            "pass",
            ("tests/security/test_rules.py::test_no_key_takes_the_place_of_another",),
        ),
        Mutant(
            "let-two-keys-merge-without-what-is-invisible",
            "src/projects_mcp/sanitize/text.py",
            "shown = unused_key(shown, clean, value)",
            "pass",
            ("tests/security/test_redaction.py::test_no_two_keys_merge_when_what_is_invisible_is_replaced",),
        ),
    ),
    "A name that speaks of a secret is recognised in any case and style": (
        Mutant(
            "read-names-in-lower-case-only",
            "src/projects_mcp/sanitize/names.py",
            "words = [word.lower() for word in _WORD.findall(name)]",
            "words = _WORD.findall(name)",
            ("tests/security/test_rules.py::test_names_that_speak_of_a_secret_are_enough",),
        ),
        Mutant(
            "read-names-of-one-word-only",
            "src/projects_mcp/sanitize/names.py",
            "        or not _PAIRS.isdisjoint(pairwise(words))\n",
            "",
            ("tests/security/test_rules.py::test_names_that_speak_of_a_secret_are_enough",),
        ),
        Mutant(
            "forget-names-beside-values",
            _REDACTION,
            "named = not secret and not _NAMING.isdisjoint(value) and _names_a_secret(value)",
            "named = False",
            (_DRESSES, _SURVIVES),
        ),
        Mutant(
            "forget-pairs-of-name-and-value",
            _REDACTION,
            "if value and not secret and all(map(_is_pair, value)):  # of headers, say",
            "if value is None:",
            (_DRESSES, _SURVIVES),
        ),
        Mutant(
            "forget-what-a-text-assigns",
            _REDACTION,
            "return without_assigned(text) if assigns else text",
            "return text",
            (_DRESSES,),
        ),
    ),
    "Addresses of webhooks and tokens of Slack are recognised": (
        Mutant(
            "know-slack-in-lower-case-only",
            _PATTERNS,
            'rf"(?i:{_SCHEME}hooks',
            'rf"(?:{_SCHEME}hooks',
            (_SURVIVES, _DRESSES),
        ),
        Mutant(
            "know-no-discord", _PATTERNS, '            "discord",\n', '            "discord!",\n', (_SURVIVES, _DRESSES)
        ),
        Mutant(
            "know-discord-in-lower-case-only",
            _PATTERNS,
            'rf"(?i:{_HOST_START}(?:[a-z]{{1,16}}\\.)?discord',
            'rf"(?:{_HOST_START}(?:[a-z]{{1,16}}\\.)?discord',
            (_SURVIVES, _DRESSES),
        ),
        Mutant(
            "know-no-teams",
            _PATTERNS,
            '("webhook", rf"(?i:{_HOST_START}[a-z0-9-]{{1,63}}\\.webhook',
            '("webhook!", rf"(?i:{_HOST_START}[a-z0-9-]{{1,63}}\\.webhook',
            (_SURVIVES, _DRESSES),
        ),
        Mutant("know-no-app-tokens", _PATTERNS, '("xapp-", ', '("xapp!", ', (_SURVIVES, _DRESSES)),
    ),
    "The server's own credentials are found encoded, and in what is cut": (
        Mutant(
            "miss-base64",
            "src/projects_mcp/sanitize/encodings.py",
            "    for before in range(3):\n",
            "    for before in range(0):\n",
            (_DRESSES, _SURVIVES),
        ),
        Mutant(
            "miss-percent-encoding",
            "src/projects_mcp/sanitize/encodings.py",
            'return _without_percent(text, self.secrets, marker) if "%" in text else text',
            "return text",
            (_DRESSES, _SURVIVES),
        ),
        Mutant(
            "cut-before-redacting",
            _REDACTION,
            "return quoted(self.text(text) if isinstance(text, str) else text, longest)",
            "return self.text(quoted(text, longest))",
            ("tests/security/test_rules.py::test_a_quotation_shows_no_part_of_a_secret_that_it_cuts",),
        ),
        Mutant(
            "keep-the-beginning-of-a-cut-word",
            "src/projects_mcp/errors/rejected.py",
            'text = _CUT_WORD.sub("", text)',
            "pass",
            ("tests/security/test_redaction.py::test_a_detail_that_was_cut_shows_no_part_of_a_key",),
        ),
        Mutant(
            "leave-secrets-in-the-text-of-a-result",
            "src/projects_mcp/runner/result.py",
            "    body = _redacted(body, redactor)\n    text = compact_json(body)\n",
            "    text = compact_json(body)\n    body = _redacted(body, redactor)\n",
            ("tests/mcp/test_results.py::test_no_secret_of_posthogs_is_in_any_result",),
        ),
        Mutant(
            "leave-secrets-in-json-inside-a-text",
            _REDACTION,
            "text = text if clean == inside else json.dumps(clean, ensure_ascii=False)",
            "del clean",
            (_DRESSES, _SURVIVES),
        ),
    ),
}
