"""Where the events come from: a directory of files, or the topics."""
