"""A directory of event files: which there are, their lines in arrival order, and what is odd about them."""

from streams.files.batch import Batch
from streams.files.directory import SUFFIXES, InputError, find, look_alikes, named, not_read
from streams.files.lines import WHOLE_BYTES, batches, unreadable, whole_fault_of
from streams.files.misdated import spot_misdated

__all__ = [
    "SUFFIXES",
    "WHOLE_BYTES",
    "Batch",
    "InputError",
    "batches",
    "find",
    "look_alikes",
    "named",
    "not_read",
    "spot_misdated",
    "unreadable",
    "whole_fault_of",
]
