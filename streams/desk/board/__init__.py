"""What the desk knows: alerts as the topic tells them, what was done about each, and views of all that."""
