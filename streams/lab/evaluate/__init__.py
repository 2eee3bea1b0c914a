"""Detection measured: against boycotts put into real purchases, against the truth of whole worlds, under stress."""
