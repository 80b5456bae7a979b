"""Shipped weights, one folder each, and the code that saves, finds, checks and loads such folders."""
