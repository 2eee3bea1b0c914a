"""Explain: one customer's story in the terminal. May import `replay`, `story` and the words of `report`."""
