"""brainfill: replace brain lesions in T1-weighted scans by plausible healthy tissue."""

from importlib.metadata import version

__version__ = version("brainfill")
