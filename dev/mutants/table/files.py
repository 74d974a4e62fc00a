"""Mutants of what touches files and terminals: clients' files, secrets, archives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dev.mutants.mutant import Mutant

__all__ = ["FILES"]

_REPLACED: Final = "tests/process/test_install_files.py::"
_BYTES: Final = "tests/process/test_install_bytes.py"
_TOML: Final = "tests/process/test_install_toml.py"
_EDIT: Final = "src/projects_mcp/cli/install/json_edit.py"
_FILE: Final = "src/projects_mcp/cli/user_files.py"

FILES: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "The file of a client keeps all that is not the entry": (
        Mutant(
            "end-lines-in-another-way",
            _EDIT,
            'return _Layout(newline[0] if newline else "\\n", outer, inner, unit)',
            'return _Layout("\\n", outer, inner, unit)',
            (_BYTES, f"{_REPLACED}test_the_command_itself_writes_once_and_keeps_every_other_byte"),
        ),
        Mutant(
            "lose-the-byte-order-mark",
            "src/projects_mcp/cli/install/merge.py",
            'text = merge_text((found.data or b"").decode(), client, added, force=force)',
            'text = merge_text((found.data or b"").decode("utf-8-sig"), client, added, force=force)',
            (f"{_REPLACED}test_the_command_itself_writes_once_and_keeps_every_other_byte",),
        ),
        Mutant(
            "put-an-entry-before-the-comment-of-its-neighbour",
            _EDIT,
            "return text[: last.value.end] + comma + text[last.value.end : place] + added + text[place:]",
            "return text[: last.value.end] + comma + added + text[last.value.end :]",
            (_BYTES,),
        ),
        Mutant(
            "add-a-comma-behind-a-trailing-one",
            _EDIT,
            'comma = "" if has_comma else ","',
            'comma = ","',
            (_BYTES,),
        ),
        Mutant(
            "open-a-file-to-others",
            _FILE,
            "path.chmod(stat.S_IMODE(status.st_mode))",
            "path.chmod(0o644)",
            (f"{_REPLACED}test_its_mode_stays_and_the_backup_has_it",),
        ),
        Mutant(
            "take-a-file-from-its-owner",
            _FILE,
            "        os.chown(path, status.st_uid, status.st_gid)\n",
            "        pass\n",
            (f"{_REPLACED}test_its_owner_stays_or_it_is_left_alone",),
        ),
        Mutant(
            "lose-the-attributes-of-a-file",
            _FILE,
            "                _keep_attributes(path, like.path)\n",
            "",
            (f"{_REPLACED}test_its_extended_attributes_stay_and_the_backup_has_them",),
        ),
        Mutant(
            "replace-a-link",
            _FILE,
            "        path = file.resolve()\n",
            "        path = file.absolute()\n",
            (f"{_REPLACED}test_a_link_stays_a_link_to_the_file_that_is_written",),
        ),
        Mutant(
            "write-over-the-change-of-another",
            _FILE,
            "        _require_unchanged(found)\n",
            "",
            (f"{_REPLACED}test_a_client_that_writes_meanwhile_wins",),
        ),
        Mutant(
            "force-nothing-in-toml",
            "src/projects_mcp/cli/install/toml_edit.py",
            "    if name in servers and not force:\n",
            "    if name in servers:\n",
            (f"{_TOML}::test_force_puts_it_where_it_was_and_all_else_stays",),
        ),
        Mutant(
            "write-toml-that-says-something-else",
            "src/projects_mcp/cli/install/toml_edit.py",
            "    if whole != {**old, client.section: {**others, name: dict(entry)}}:\n",
            "    if whole is None:\n",
            (f"{_TOML}::test_a_form_that_it_cannot_keep_is_refused_and_the_entry_printed",),
        ),
        Mutant(
            "refuse-and-print-no-entry",
            "src/projects_mcp/cli/install/command.py",
            "        say(entry, error=as_json)\n",
            "        pass\n",
            (f"{_REPLACED}test_a_file_with_two_names_is_left_alone",),
        ),
    ),
    "A key is typed unseen, and kept where nobody else reads it": (
        Mutant(
            "show-a-key-that-is-typed",
            "src/projects_mcp/cli/controlling_terminal.py",
            "before[3] & ~termios.ECHO",
            "before[3]",
            ("tests/process/test_login.py::test_a_key_is_kept_in_a_private_file_and_used",),
        ),
        Mutant(
            "read-profiles-that-others-can-read",
            "src/projects_mcp/config/profile_file.py",
            "        if mode & _OTHERS:\n",
            "        if mode & _OTHERS == _OTHERS:\n",
            ("tests/unit/test_profiles.py::test_a_file_with_a_secret_must_be_closed_to_others",),
        ),
        Mutant(
            "keep-a-key-in-a-folder-of-everybody",
            "src/projects_mcp/cli/profile_store.py",
            "_WRITABLE_BY_OTHERS: Final = 0o022",
            "_WRITABLE_BY_OTHERS: Final = 0o000",
            ("tests/process/test_login.py::test_a_folder_that_others_can_write_is_refused_before_anything_is_asked",),
        ),
        Mutant(
            "count-each-subject-of-an-issuer-apart",
            "src/projects_mcp/gateway/call_tally.py",
            "            return _BY_ISSUER\n",
            "            return caller\n",
            ("tests/process/test_metrics.py::test_subjects_of_an_issuer_are_counted_together",),
        ),
    ),
    "A secret that cannot be kept is not made": (
        Mutant(
            "reserve-a-name-and-no-bytes",
            "src/projects_mcp/gateway/secret_file.py",
            '        file.write(b"\\n" * _RESERVED_BYTES)\n',
            "",
            ("tests/unit/test_secret_file.py",),
        ),
        Mutant(
            "rotate-without-a-reservation",
            "src/projects_mcp/tools/tokens.py",
            "        raise SecretsFolderUnusable(reason=error.reason) from None\n",
            "        yield None if error else None\n        return\n",
            ("tests/process/test_audit.py::test_a_folder_that_is_not_private_stops_the_rotation_before_it_happens",),
        ),
        Mutant(
            "keep-secrets-where-others-read",
            "src/projects_mcp/gateway/secret_file.py",
            'if hasattr(os, "getuid") and status.st_mode & _OTHERS:',
            'if hasattr(os, "getuid") and status.st_mode == _OTHERS:',
            ("tests/process/test_audit.py::test_a_folder_that_is_not_private_stops_the_rotation_before_it_happens",),
        ),
    ),
    "No control character reaches a terminal": (
        Mutant(
            "print-what-steers-a-terminal",
            "src/projects_mcp/cli/terminal.py",
            "        return strip_invisible(part)\n",
            "        return part\n",
            (
                "tests/process/test_terminal.py::test_the_demonstration_prints_nothing_raw_but_its_own_colours",
                "tests/process/test_terminal.py::test_install_shows_paths_and_entries_harmless",
                "tests/process/test_terminal.py::test_the_doctor_shows_names_and_paths_harmless",
            ),
        ),
        Mutant(
            "log-what-steers-a-terminal",
            "src/projects_mcp/config/logging.py",
            "return escape_invisible(self._redactor.text(text))",
            "return self._redactor.text(text)",
            ("tests/unit/test_logging.py::test_what_nobody_can_see_is_escaped_in_a_record",),
        ),
    ),
    "Archives hold tracked files only": (
        Mutant(
            "archive-untracked-files",
            "hatch_build.py",
            "if untracked := sorted(taken - tracked):",
            "if untracked := sorted(taken - taken):",
            (
                "tests/project/test_tracked_files.py::test_an_untracked_file_where_an_archive_would_take_it_stops_the_build",
            ),
        ),
    ),
}
