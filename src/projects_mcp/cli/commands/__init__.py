"""The commands: what each takes, its help, and what runs it, which is imported only then."""
