"""Fuzzing: what nobody would send, sent to the real server, with the same invariants for all of it."""
