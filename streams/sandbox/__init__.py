"""A small stand-in for a CRM, for the demo and for tests: it knows of us only what is documented.

A webhook takes cases in, SQLite keeps them, a page and a table show them, and what the desk decides goes back
to the bridge as a disposition. Signatures are checked and made by the public library `standardwebhooks`.
"""
