"""The sandbox, rule by rule, over HTTP."""
