"""The log-odds of leaving of one customer, and the first hour at which time alone can raise them enough.

Imports `customer` and what is below it.
"""
