"""Ways to measure cortical thickness; a module each, with `Config`, `missing`, `state`, `build` and `read`."""
