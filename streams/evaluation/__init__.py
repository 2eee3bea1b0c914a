"""Detection measured: boycotts in real purchases, worlds with known truth, stress, calibrated halves."""
