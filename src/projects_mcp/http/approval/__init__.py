"""The page of an approval: what a person sees, and where it is served."""
