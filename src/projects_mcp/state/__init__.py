"""State that outlives a call: the store, and what is kept in it."""
