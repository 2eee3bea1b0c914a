"""The commands `bridge` and `canary`."""
