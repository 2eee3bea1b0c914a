"""`python -m streams` is the command `retention-signals`."""

from streams.cli import main

main()
