"""Calibrate: a ruleset from a user's own history, and how it does on history that it has not seen.

`history` reads, `measures` measures what was read, and the modules here decide on it and show it. May import
`replay`, `inputs` and the words of `report`.
"""
