"""Registry of codecs: one file per tensor that a network may see in place of an image, with a Config and build()."""
