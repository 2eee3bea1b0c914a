"""The command line of the runtime: options, progress, exit codes, one module a command.

Imports any room of the runtime; only `streams.lazy_commands` imports it.
"""
