"""Registry of samplers: one file each, with a Config and build()."""
