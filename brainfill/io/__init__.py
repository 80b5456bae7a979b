"""Files in and out: images, sidecars, tables. The only place that opens a file for the user."""
