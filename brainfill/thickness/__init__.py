"""Cortical thickness: measured in many ways, tables of regions, and what changed between two of them."""
