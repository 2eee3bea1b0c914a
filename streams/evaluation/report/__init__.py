"""The report of an evaluation: figures and plots as one self-contained HTML file."""
