"""Whole worlds with known truth: what alerts and their probabilities are worth."""
