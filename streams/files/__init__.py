"""A directory of event files: which there are, their lines in arrival order, and what is odd about them."""

from streams.files.ahead import AHEAD_MS, spot_ahead
from streams.files.batch import Batch
from streams.files.directory import InputError, find, look_alikes, named, not_read
from streams.files.lines import WHOLE_BYTES, batches, unreadable, whole_fault_of

__all__ = [
    "AHEAD_MS",
    "WHOLE_BYTES",
    "Batch",
    "InputError",
    "batches",
    "find",
    "look_alikes",
    "named",
    "not_read",
    "spot_ahead",
    "unreadable",
    "whole_fault_of",
]
