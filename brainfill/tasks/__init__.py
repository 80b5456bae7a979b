"""What a user can ask for, one verb per file: each has a Config and a `run` that sees no files."""
