"""The journal of a partition: on-time purchases that the changelog has apart from their customers' records.

Imports `customer_codec` and `state`. An entry is the length of a customer's id in UTF-8 (2 bytes,
little-endian), the id, and the ENTRY that was appended to the customer's record.
"""
