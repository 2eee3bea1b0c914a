"""Everything offline: history from files through the core, data with known truth, reports."""
