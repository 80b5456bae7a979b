"""Cortical thickness: measured by ways of our own or of other packages, by region."""
