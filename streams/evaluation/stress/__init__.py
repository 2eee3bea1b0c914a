"""False alarms when the feed breaks or trade is slack."""
