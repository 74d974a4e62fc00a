"""May it happen? Pure decisions, without I/O."""
