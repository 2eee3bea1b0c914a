"""The wire contract: one model a file, the events that the core consumes, and their decoder."""
