"""Many projects as data: which settings are asked for, how they differ, and how they are written as a file."""
