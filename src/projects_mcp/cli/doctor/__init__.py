"""The diagnosis: what is wrong with the settings, the files, the key, the session and the connection to PostHog."""
