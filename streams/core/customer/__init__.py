"""All that is kept of one customer, its packed form, and the store of the customers of a partition.

Imports `spend`, `feed` and `contacts`. Decides nothing.
"""
