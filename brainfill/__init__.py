"""brainfill: replace brain lesions in T1-weighted scans by plausible healthy tissue."""

__version__ = "0.1.0"
