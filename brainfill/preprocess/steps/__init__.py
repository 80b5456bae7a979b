"""Preprocessing steps, one per file: each has a `Config` and `build(config) -> Step`."""
