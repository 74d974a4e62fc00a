"""What is shipped: the bundle, the wheel, the entry for the registry."""
