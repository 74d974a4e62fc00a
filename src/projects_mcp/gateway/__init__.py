"""The guarded way to PostHog."""
