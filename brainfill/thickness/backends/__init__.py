"""Ways to measure cortical thickness; a module each, with `Config`, `USES_LESIONS`, `missing`, `state`, `build` and `read`."""
