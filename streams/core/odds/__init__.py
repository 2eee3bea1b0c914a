"""One formula: the evidence since an episode began, the log-odds of leaving, and when they next matter.

Imports `customer` and what is below it.
"""
