"""Cortical thickness: tables of regions, and what changed between two of them."""
