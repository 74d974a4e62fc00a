"""The workshop: what builds, checks, measures and documents the project."""
