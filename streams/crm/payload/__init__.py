"""What a case says to people, and what it looks like to each CRM.

`case` makes the case of an alert and of how things stand now: its fields are in `fields`, its sentences in
`words` and `description`. `template` turns a case into the request that a CRM understands, by a TOML file;
those that come with us are in `templates`. No clock, no network. Imports `wire`, the lookup's answer, the
core's words and `schemas`.
"""
