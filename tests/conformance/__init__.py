"""What the official conformance suite calls by name, mounted on our own server class."""
