"""Detection measured: boycotts in real purchases, alerts against the truth of whole worlds, stress."""
