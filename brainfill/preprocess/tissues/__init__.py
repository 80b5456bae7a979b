"""Ways to tell the tissues of a brain apart; a module each, with `Config`, `missing`, `state`, `TEMPLATE` and `build`."""
