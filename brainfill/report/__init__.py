"""One self-contained HTML page per person, and one for a group."""
