"""One partition as a fold over its inputs, and partitions that decide together.

Imports all other rooms; the runtime and the lab begin here.
"""
