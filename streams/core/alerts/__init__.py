"""What is written about a decision: figures, words, the alert record, the view behind a lookup.

Decides nothing; `episodes` and `partition` call it.
"""
