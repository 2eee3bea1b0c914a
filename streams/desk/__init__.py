"""The desk: a page over the alert topic, with whom to call first, why, and what was done about it.

`board` is what it knows, as plain data; `pages` are what it shows; `web` is how browsers talk to it.
"""
