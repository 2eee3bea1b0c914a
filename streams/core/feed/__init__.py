"""The purchase feed as a whole: which hours it was broken, and which sources deliver late.

Imports `spend`.
"""
