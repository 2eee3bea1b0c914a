"""Everything offline: history from files through the core, data with known truth, reports.

A room for each command: `replay`, `explain`, `calibrate`, `generate`. Beside them `report`, the page that
replay writes; `inputs`, the lines that they read; `story`, the plain data that replay fills and others show.
"""
