"""Everything that touches Kafka, Faust, HTTP or the clock: the worker, and the commands beside it.

From the bottom up: `ports` (what a partition needs from outside) and `seek_numbers`, `telemetry`, `partition`
(no Kafka client), `kafka` (no Faust), `faust`, `http`, `startup`, and `worker`, which puts them together.
`tools` do the work of the commands beside a worker; `commands` is the command line. No arrow goes back up:
import-linter holds that.
"""
