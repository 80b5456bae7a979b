"""Draw lesion masks: each module is a kind of mask, with its `Config` and `run`."""
