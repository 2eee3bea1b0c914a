"""Ten questions to the owner of a feed, answered from the data: `retention-signals check`.

`questions` has one module a question, `check` takes the events of all inputs one by one and asks the core
what only the core knows; neither knows files nor Kafka. `readers` does, one module for each. Customer ids and
payloads never leave the room, only counts do. May import the lab and the runtime.
"""
