"""The operations of the Projects API: who may call them, what they do, and what they respond."""
