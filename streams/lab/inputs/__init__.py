"""The lines of a directory's files as the lab takes them in, and what is noticed of each file meanwhile.

May import the core, `streams.files` and `schemas`; no other room of the lab.
"""
