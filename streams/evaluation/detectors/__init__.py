"""All detectors side by side on the same boycotts in the same purchases."""
