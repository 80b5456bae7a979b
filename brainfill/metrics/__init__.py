"""Numbers that compare a fill with the truth, and a fill with the tissue around it."""
