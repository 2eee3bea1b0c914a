"""A directory to learn from, read into each customer's spend and bad contacts; knows no measure of it."""
