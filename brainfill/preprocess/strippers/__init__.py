"""Ways to find the brain in a head; a module each, with `Config`, `missing` and `build`."""
