"""The pure core: events in, alerts out. It knows no clock, no Kafka, no files, no logs and no metrics.

From the bottom up: `time`, `ruleset`, `watermark`; `spend`, `contacts` and `feed`; `customer` (all that is
kept of one); `odds`; `alerts` (what is written about a decision); `episodes` (who is judged, and what is
decided); `partition` (the fold over the inputs). No arrow goes back up: import-linter holds that.
"""
