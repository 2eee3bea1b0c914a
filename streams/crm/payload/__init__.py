"""What a case says to people, and what it looks like to each CRM."""
