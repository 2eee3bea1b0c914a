"""Whether acting on alerts brings customers back: treated against held out."""
