"""PostHog's Projects API as data."""
