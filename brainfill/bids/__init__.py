"""Whole BIDS datasets: find scans and masks, run each person's steps once, record what was done."""
