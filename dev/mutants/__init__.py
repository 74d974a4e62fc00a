"""Break each promise on purpose, and see that its tests find it."""
