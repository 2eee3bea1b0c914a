"""Calibrate: a ruleset from a user's own history, and what it comes to on history it has not seen."""
