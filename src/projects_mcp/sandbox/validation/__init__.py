"""The sandbox's checks of what is sent to it."""
