"""What raters are shown and asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from brainfill.core.config import check_ranges, option

Form = Literal["forced", "free"]
Kind = Literal["real", "synthetic"]
KINDS: tuple[Kind, ...] = ("real", "synthetic")
Convention = Literal["radiological", "neurological"]


@dataclass(frozen=True, kw_only=True)
class StudyConfig:
    """What raters are shown and asked."""

    candidates: int = option(
        10, "lesions of a case, at most; one of them is synthetic", low=2, high=10
    )
    free: bool = option(
        False, "have lesions judged one by one, instead of choosing one of each case"
    )
    pick: Literal["largest", "similar"] = option(
        "largest", "real lesions: the largest, or those most similar in volume to the synthetic one"
    )
    contrast: Literal["both", "T1w", "FLAIR"] = option("both", "contrast that is shown")
    convention: Convention = option(
        "radiological", "side of the picture that shows the person's right: radiological is left"
    )
    crop_mm: float = option(80.0, "side of a picture", unit="mm", low=20, high=250)
    pixel_mm: float = option(0.5, "side of a pixel of a picture", unit="mm", low=0.2, high=2)

    def __post_init__(self) -> None:
        check_ranges(self)

    @property
    def form(self) -> Form:
        """How the question is put."""
        return "free" if self.free else "forced"

    @property
    def pixels(self) -> int:
        """Pixels along a side; odd, so that the centre of a lesion is the centre of a pixel."""
        return 2 * int(self.crop_mm / self.pixel_mm / 2) + 1
