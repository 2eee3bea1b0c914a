"""Synthetic customers that go the whole way, so that somebody notices when the chain is broken."""
