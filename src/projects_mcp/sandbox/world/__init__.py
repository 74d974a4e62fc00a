"""The state of the sandbox: plain data, and the version of PostHog that it imitates."""
