"""Which fields of a feed move the needle: the same worlds, each time without some of what is told.

`python -m streams.evaluation.fields` prints the table of docs/feeding.md. May import `worlds` and `shared`.
"""
