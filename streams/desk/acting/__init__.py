"""What somebody does about an alert: understood, held back for as long as it can be undone, then written."""
