"""Whether acting on alerts brings customers back: treated against held out.

`cohort` makes one row a customer of the alerts, `outcomes` adds up what they bought afterwards, `comparison`
holds the arms against one another, `planning` says how long to wait. All four are pure. The readers bring the
events, from a directory or from the topics.
"""
