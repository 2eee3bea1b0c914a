"""The ten questions, a module each: `take` an event, and `answer` at the end."""
