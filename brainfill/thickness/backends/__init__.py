"""Ways to measure cortical thickness; a module each, with `Config`, `missing`, `build` and `read`."""
