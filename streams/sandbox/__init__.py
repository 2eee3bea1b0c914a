"""A small stand-in for a CRM, for the demo and for tests: it knows of us only what is documented."""
