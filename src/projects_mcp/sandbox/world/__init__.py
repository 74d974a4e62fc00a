"""The sandbox's state."""
