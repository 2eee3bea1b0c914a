"""retention-signals: alerts when a high-value customer's spend drops after a bad contact."""
