"""Dispositions on their way back: checked, told apart, written to the topic."""
