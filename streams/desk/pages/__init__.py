"""What the desk shows, as text: all that came from outside is escaped by construction.

What a page might obey instead of showing it (controls, marks that turn the direction of text) is made
visible.
"""
