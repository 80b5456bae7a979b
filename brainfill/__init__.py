"""brainfill: replace brain lesions in T1-weighted scans by plausible healthy tissue.

>>> import brainfill
>>> brainfill.fill  # doctest: +ELLIPSIS
<function fill at ...>
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from brainfill.api import (
        Compared,
        DrawnMasks,
        Filled,
        Measured,
        PatientImages,
        Preprocessed,
        Smoothed,
        Synthesized,
        compare,
        draw_mask,
        fill,
        fill_visits,
        measure_thickness,
        prepare,
        smooth,
        synthesize,
        transform,
    )

__version__ = "0.1.0"
__all__ = [
    "Compared",
    "DrawnMasks",
    "Filled",
    "Measured",
    "PatientImages",
    "Preprocessed",
    "Smoothed",
    "Synthesized",
    "__version__",
    "compare",
    "draw_mask",
    "fill",
    "fill_visits",
    "measure_thickness",
    "prepare",
    "smooth",
    "synthesize",
    "transform",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - what a module attribute may be
    """Load the Python interface when it is first used, so that importing brainfill is quick."""
    if name in __all__:
        from brainfill import api

        return getattr(api, name)
    msg = f"module 'brainfill' has no attribute '{name}'"
    raise AttributeError(msg)
