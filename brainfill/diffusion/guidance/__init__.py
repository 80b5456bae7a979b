"""Registry of guidance: one file per way to draw an image towards something wanted, with a Config and build()."""
