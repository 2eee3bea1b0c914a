"""Purchases that an export holds: their amounts, their currency, and what tells one row from another."""
