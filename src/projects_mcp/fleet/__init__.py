"""Many projects at once: found, read within the limits of PostHog, counted and compared."""
