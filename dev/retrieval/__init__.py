"""Measure whether a search for tools finds the right one of ours: `python -m dev.retrieval`.

Clients with many servers do not show a model all tools: they search the names and descriptions with the words of the
request. No model takes part here, so everybody gets the same numbers. README.md says how it was made, and its limits.
"""
