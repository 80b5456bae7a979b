"""Registry of model families: which network, schedule and tiling belong together.

A family module defines Config (a FamilyConfig with its own defaults), PRESETS and build().
"""

DOES = "fills holes"
