"""Filters of images: smoothing across slices."""
