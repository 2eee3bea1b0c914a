"""Detection measured: on boycotts put into real purchases, against the truth of worlds, under stress."""
