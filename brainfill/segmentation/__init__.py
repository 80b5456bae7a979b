"""Networks that give every voxel a class; a module each, with `Config`, `PRESETS` and `build`."""

DOES = "finds the class of voxels"
