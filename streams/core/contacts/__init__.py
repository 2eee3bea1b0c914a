"""Frustration: what contacts add to the log-odds, which repeat another, which are one conversation.

Imports the ruleset and times only.
"""
