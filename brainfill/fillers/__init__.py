"""Registry of fillers: one file per way to fill a hole, with a Config and build()."""
