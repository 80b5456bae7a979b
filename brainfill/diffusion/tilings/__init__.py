"""Registry of tilings: one file per way to cut a crop for the network and to join the parts, with a Config and build()."""
