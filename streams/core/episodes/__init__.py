"""Who is judged and what is decided: an episode opens, is raised, is closed.

`judge` folds a customer's events and says when what is decided; `opening` and `silent` open an episode,
`lifecycle` raises and closes it, `merging` takes it from one id of a customer to another.

Imports all other rooms but `partition`.
"""
