"""Types shared by everything: errors, grids, volumes, configs, registries. No torch, no files."""
