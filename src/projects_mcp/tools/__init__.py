"""The tools: one coroutine each, and what clients see of it."""
