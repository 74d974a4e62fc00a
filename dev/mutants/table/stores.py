"""Mutants of what processes share: turns at a project, the state that must be there, and the stores themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dev.mutants.mutant import Mutant

__all__ = ["STORES"]

_CONTEXT: Final = "src/projects_mcp/gateway/context.py"
_UPDATE: Final = "src/projects_mcp/tools/update.py"
_TURNS: Final = "src/projects_mcp/gateway/project_locks.py"
_SQLITE: Final = "src/projects_mcp/state/sqlite_file.py"
_REDIS: Final = "src/projects_mcp/state/redis.py"
_SCRIPTS: Final = "src/projects_mcp/state/redis_scripts.py"
_MEMORY: Final = "src/projects_mcp/state/memory.py"
_LOCKS: Final = "tests/mcp/test_project_locks.py::"
_LEASES: Final = "tests/mcp/test_leases.py::"
_AWAY: Final = "tests/mcp/test_state_away.py::"
_CONTRACT: Final = "tests/state/test_contract.py::"
_BOUNDED: Final = "tests/unit/test_bounded_memory.py::"

STORES: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "Waiting for a project counts against the call, and only who may see it waits": (
        Mutant(
            "wait-for-a-lock-without-end",
            _CONTEXT,
            "await turn.acquire(self._left_s)",
            "await turn.acquire(3_600)",
            (f"{_LOCKS}test_a_call_waits_no_longer_than_it_may_take",),
        ),
        Mutant(
            "give-the-time-of-waiting-back",
            _CONTEXT,
            """            raise ProjectBusy from None
        finally:
            self._left_s -= anyio.current_time() - began
""",
            """            raise ProjectBusy from None
        finally:
            self._left_s -= 0 * began
""",
            (f"{_LOCKS}test_the_time_of_waiting_is_gone_for_the_rest_of_the_call",),
        ),
        Mutant(
            "wait-before-looking-at-the-rights",
            _UPDATE,
            """    turn = await context.project_turn()
    before = await _read_expected(context, expected)
""",
            """    turn = await context.project_turn()
    async with context.hold(turn):
        before = await _read_expected(context, expected)
""",
            (f"{_LOCKS}test_whoever_has_no_right_to_the_project_waits_for_nobody",),
        ),
        Mutant(
            "write-on-what-was-read-before-waiting",
            _UPDATE,
            "if lost or turn.others_wrote:  # time has passed since it was read",
            "if lost:",
            ("tests/mcp/test_update.py::test_two_writers_lose_no_update_without_being_told",),
        ),
    ),
    "Processes that share a store write one project one after the other": (
        Mutant(
            "write-without-a-lease",
            _TURNS,
            "                await self._lease(self._store)\n",
            "                self._mine = self._key\n",
            (f"{_LEASES}test_processes_write_one_after_the_other_and_on_what_is_there",),
        ),
        Mutant(
            "take-a-lease-that-another-has",
            _TURNS,
            "taken = now.startswith(_FREE) and await",
            "taken = await",
            (f"{_LEASES}test_processes_write_one_after_the_other_and_on_what_is_there",),
        ),
        Mutant(
            "do-not-see-that-another-process-wrote",
            _TURNS,
            "self.others_wrote = self.others_wrote or now != self._seen",
            "pass",
            (f"{_LEASES}test_processes_write_one_after_the_other_and_on_what_is_there",),
        ),
        Mutant(
            "keep-a-lease-when-the-write-is-done",
            _TURNS,
            'await self._store.replace(self._key, self._mine, f"{_FREE}{token_hex(8)}", _REMEMBERED_S)',
            "await self._store.probe()",
            (f"{_LEASES}test_a_lease_is_given_back",),
        ),
        Mutant(
            "lease-without-end",
            _TURNS,
            "self._lease_s = call_s + _LEASE_ON_TOP_S",
            "self._lease_s = call_s * _REMEMBERED_S",
            (f"{_LEASES}test_the_lease_of_a_process_that_was_killed_ends_by_itself",),
        ),
        Mutant(
            "lease-for-less-than-a-call",
            _TURNS,
            "self._lease_s = call_s + _LEASE_ON_TOP_S",
            "self._lease_s = min(call_s, _LEASE_ON_TOP_S)",
            (f"{_LEASES}test_a_lease_outlasts_the_longest_call",),
        ),
        Mutant(
            "give-back-the-lease-of-another",
            _TURNS,
            'await self._store.replace(self._key, self._mine, f"{_FREE}{token_hex(8)}", _REMEMBERED_S)',
            """await self._store.replace(
                        self._key, await self._store.get(self._key) or "", f"{_FREE}{token_hex(8)}", _REMEMBERED_S
                    )""",
            (f"{_LEASES}test_whoever_comes_too_late_gives_back_no_lease_of_another",),
        ),
        Mutant(
            "keep-the-lock-when-the-store-fails",
            _TURNS,
            "            except StoreError as error:\n                self._lock.lock.release()\n",
            "            except StoreError as error:\n",
            (f"{_LEASES}test_a_store_that_fails_once_holds_up_nobody",),
        ),
    ),
    "Where what must be remembered cannot be, nothing is changed": (
        Mutant(
            "write-without-the-store",
            "src/projects_mcp/runner/runner.py",
            "                        await self._services.require_store()\n",
            "                        pass\n",
            (f"{_AWAY}test_nothing_is_changed_and_reads_and_previews_go_on",),
        ),
        Mutant(
            "refuse-previews-without-the-store",
            "src/projects_mcp/runner/runner.py",
            """                if not (tool.operation.effect.reads or checked.get("dry_run")):
                    self._audit_log.require_writable()
                    if self.store.shared:""",
            """                if not (tool.operation.effect.reads or checked.get("dry_run")):
                    self._audit_log.require_writable()
                if not tool.operation.effect.reads:
                    if self.store.shared:""",
            (f"{_AWAY}test_nothing_is_changed_and_reads_and_previews_go_on",),
        ),
    ),
    "A record is kept once, and for its time": (
        Mutant(
            "add-to-a-file-in-two-steps",
            _SQLITE,
            """        with self._transaction() as (database, now):
            if _value(database, key, now) is not None:
                return False
            self._put(""",
            """        with self._transaction(writes=False) as (database, now):
            if _value(database, key, now) is not None:
                return False
        with self._transaction() as (database, now):
            self._put(""",
            ("tests/state/test_sqlite.py::test_nothing_comes_between_a_look_and_what_follows_from_it",),
        ),
        Mutant(
            "replace-whatever-is-in-a-file",
            _SQLITE,
            "            if _value(database, key, now) != old:\n",
            "            if _value(database, key, now) is None:\n",
            (f"{_CONTRACT}test_two_connections_to_a_file_do_what_a_dictionary_does",),
        ),
        Mutant(
            "read-what-is-over-from-a-file",
            _SQLITE,
            '"SELECT value FROM record WHERE key = ? AND expires > ?", (key, now)',
            '"SELECT value FROM record WHERE key = ?", (key,)',
            (f"{_CONTRACT}test_a_record_is_seen_by_all_and_ends_with_its_time",),
        ),
        Mutant(
            "find-what-is-over-in-a-file",
            _SQLITE,
            '"SELECT key, value FROM record WHERE key >= ? AND key < ? AND expires > ? ORDER BY key LIMIT ?",',
            '"SELECT key, value FROM record WHERE key >= ? AND key < ? AND ? >= 0 ORDER BY key LIMIT ?",',
            (f"{_CONTRACT}test_a_record_is_seen_by_all_and_ends_with_its_time",),
        ),
        Mutant(
            "begin-a-step-without-the-lock",
            _SQLITE,
            'database.execute("BEGIN IMMEDIATE" if writes else "BEGIN")',
            'database.execute("BEGIN")',
            (f"{_CONTRACT}test_one_of_many_wins", "tests/state/test_processes.py"),
        ),
        Mutant(
            "keep-what-is-over-in-a-file",
            _SQLITE,
            "                    _drop_expired(database, now)\n",
            "                    pass\n",
            (
                "tests/state/test_sqlite_failures.py::"
                "test_expired_records_are_dropped_in_passing_and_a_bounded_number_at_once",
            ),
        ),
        Mutant(
            "end-records-by-setting-the-clock",
            "src/projects_mcp/state/machine_clock.py",
            "            return max(0.0, self.ticks - earlier.ticks)\n",
            "            return max(0.0, self.wall - earlier.wall)\n",
            ("tests/state/test_sqlite.py::test_setting_the_clock_neither_ends_a_record_nor_keeps_it",),
        ),
        Mutant(
            "open-the-state-file-to-others",
            "src/projects_mcp/state/private_file.py",
            "            file.chmod(OWNER_ONLY)\n",
            "            file.chmod(status.st_mode)\n",
            ("tests/state/test_sqlite.py::test_permissions_for_others_are_taken_back",),
        ),
        Mutant(
            "add-over-what-is-in-redis",
            _REDIS,
            '"PX", _milliseconds(for_s), "NX")',
            '"PX", _milliseconds(for_s))',
            (f"{_CONTRACT}test_one_of_many_wins", f"{_CONTRACT}test_a_record_is_seen_by_all_and_ends_with_its_time"),
        ),
        Mutant(
            "add-to-redis-without-end",
            _REDIS,
            '"PX", _milliseconds(for_s), "NX")',
            '"NX")',
            (f"{_CONTRACT}test_a_record_is_seen_by_all_and_ends_with_its_time",),
        ),
        Mutant(
            "replace-whatever-is-in-redis",
            _SCRIPTS,
            "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end",
            "if not redis.call('GET', KEYS[1]) then return 0 end",
            (f"{_CONTRACT}test_one_of_many_wins",),
        ),
        Mutant(
            "replace-in-redis-without-end",
            _SCRIPTS,
            "  redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')\n",
            "  redis.call('SET', KEYS[1], ARGV[2])\n",
            (f"{_CONTRACT}test_a_replacement_keeps_the_time_or_gets_its_own",),
        ),
        Mutant(
            "take-from-redis-without-end",
            _SCRIPTS,
            "redis.call('SET', KEYS[1], value, 'PX', string",
            "redis.call('DEL', KEYS[1], value, 'PX', string",
            (f"{_CONTRACT}test_all_of_an_allowance_can_be_taken_and_no_more",),
        ),
        Mutant(
            "send-a-step-to-redis-again",
            "src/projects_mcp/state/redis_client.py",
            "retry=Retry(NoBackoff(), 0),",
            "retry=Retry(NoBackoff(), 1),",
            ("tests/state/test_redis.py::test_a_lost_answer_is_never_asked_for_again",),
        ),
        Mutant(
            "add-over-what-is-in-memory",
            _MEMORY,
            "        if self._get(key) is not None:\n            return False\n",
            "",
            (f"{_CONTRACT}test_memory_does_what_a_dictionary_does",),
        ),
        Mutant(
            "keep-what-is-over-in-memory",
            _MEMORY,
            "while self._expiries and self._expiries[0][0] <= now:",
            "while self._expiries and self._expiries[0][0] <= 0:",
            (f"{_CONTRACT}test_memory_does_what_a_dictionary_does",),
        ),
        Mutant(
            "keep-records-without-number",
            _MEMORY,
            "if key not in self._records and len(self._records) >= self.most:",
            "if key not in self._records and len(self._records) < 0:",
            ("tests/security/test_answers_are_spent.py",),
        ),
    ),
    "What is kept in memory is looked up in constant time, and takes no more than it is": (
        Mutant(
            "copy-the-records-at-each-step",
            _MEMORY,
            "        now = self.clock()\n        while",
            "        now, self._records = self.clock(), dict(self._records)\n        while",
            (f"{_BOUNDED}test_keeping_a_record_does_not_look_at_the_others",),
        ),
        Mutant(
            "keep-the-times-of-what-was-replaced",
            _MEMORY,
            "if len(self._expiries) > 2 * len(self._records) + 100:",
            "if len(self._expiries) < 0:",
            (f"{_BOUNDED}test_a_record_that_is_replaced_again_and_again_takes_no_more_memory",),
        ),
    ),
}
