"""The peers: servers that are run by the interpreters of their own environments."""
