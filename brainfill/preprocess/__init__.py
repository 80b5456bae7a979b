"""Preparing scans in ways that can be undone, and putting results back where they belong."""
