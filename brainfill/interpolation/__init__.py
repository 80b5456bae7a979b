"""Fills that need no training: the smoothest one, and what similar patches predict."""
