"""The validation of request bodies: field types, the rule of each setting, and the rules between settings."""
