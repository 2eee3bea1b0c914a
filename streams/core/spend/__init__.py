"""Spend in hourly panes, a customer's baseline, the evidence of silence, a partition's population.

Imports the ruleset and times only.
"""
