"""Who is judged and what is decided: an episode opens, is raised, is closed.

Imports all other rooms but `partition`.
"""
