"""Registry of recipes: a model, its training and how it is used afterwards, one TOML file each."""
