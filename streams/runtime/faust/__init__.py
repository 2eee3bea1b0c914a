"""The only room that knows Faust: the app, its transport, which forwards whole batches, and the feed.

Imports `ports` and `kafka`. Only `worker` imports it.
"""
