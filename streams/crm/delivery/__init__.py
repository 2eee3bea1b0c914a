"""One request to the CRM: signed, guarded, judged; when to try again, and when not to try at all."""
