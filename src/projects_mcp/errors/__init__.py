"""Every failure, with its facts as typed fields and in its own words."""
