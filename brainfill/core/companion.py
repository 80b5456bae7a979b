"""Companions: other images of a person that help to fill one of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from brainfill.core.errors import GeometryError
from brainfill.core.grid import Box
from brainfill.core.volume import Mask, Volume


@dataclass(frozen=True, eq=False)
class Companion:
    """Another image of the same person, on the grid of the image that is filled.

    Args:
        name: for messages and records, such as "FLAIR".
        image: in a unit of its own.
        known: voxels where it shows what is there; neither its own lesions nor what it does not cover.
        shares_hole: whether the hole of the filled image is unknown in it as well, as in another contrast of one visit.

    Raises:
        GeometryError: image and mask are not on one grid.
    """

    name: str
    image: Volume
    known: Mask
    shares_hole: bool = False

    def __post_init__(self) -> None:
        if not self.known.grid.meant_as(self.image.grid):
            msg = (
                f"{self.name} and the mask of what is known in it are on different grids: "
                f"{self.image.grid.shape} and {self.known.grid.shape}"
            )
            raise GeometryError(msg)

    def beside(self, hole: Mask) -> Companion:
        """The companion as it may be used to fill a hole."""
        if not self.shares_hole:
            return self
        return replace(self, known=Mask(self.known.data & ~hole.data, self.known.grid))

    def crop(self, box: Box) -> Companion:
        """The part in a block of voxels."""
        grid = self.image.grid.crop(box)
        image = Volume(self.image.data[box.slices], grid)
        return replace(self, image=image, known=Mask(self.known.data[box.slices], grid))
