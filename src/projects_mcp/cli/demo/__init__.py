"""The demonstration: its steps, its output, and the client that runs it."""
