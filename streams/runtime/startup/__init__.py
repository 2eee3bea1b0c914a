"""What is checked and read before anything is written: topics, rules, ids of topics, resume marks.

Imports `kafka` and settings. `worker` and `tools` begin here.
"""
