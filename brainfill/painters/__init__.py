"""Registry of painters: one file per way to paint a lesion, with a Config and build()."""
