"""Lesions as objects: connected components, their table, and random shapes for training."""
