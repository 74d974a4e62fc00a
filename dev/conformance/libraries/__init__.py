"""Libraries that agents are built with: what each makes of our tools, and whether they work through it."""
