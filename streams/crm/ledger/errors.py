"""What can be wrong with a ledger."""


class LedgerError(Exception):
    """The file cannot be used; the message says why, and what to do."""


class LockedError(LedgerError):
    """Another bridge has the ledger."""
