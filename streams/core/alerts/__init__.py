"""What is written about a decision: figures, words, the alert record, the view behind a lookup.

An episode and its evidence become `figures`; from them `contract` and `words` give the fields and sentences
of the `alert`. A lookup and a report show the same figures.

Decides nothing; `episodes` and `partition` call it.
"""
