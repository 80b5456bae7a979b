"""One person's work: where the files of a step lie, before and after they get their place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from brainfill.bids.config import BidsConfig
from brainfill.bids.find import Case


@dataclass(frozen=True)
class Job:
    """One person and what is wanted.

    Args:
        case: the T1w and its masks.
        config: of the whole run.
        out: the output dataset.
        stage: folder where a step writes before its outputs get their place.
    """

    case: Case
    config: BidsConfig
    out: Path
    stage: Path

    @property
    def tools(self) -> Path:
        """What called programs leave: it takes hours, and is kept whatever becomes of the step."""
        return self.out / ".brainfill" / "tools" / self.case.key

    def done(self, product: str) -> Path:
        """An output of an earlier step."""
        return self.place(f"{self.case.key}_{product}")

    def place(self, name: str) -> Path:
        """Where an output of this name belongs: images by person and session, figures by person, pages on top."""
        if name.endswith(".html"):
            return self.out / name.replace("_desc-filled_T1w.html", ".html")
        if name.endswith((".png", ".svg")):
            return self.out / self.case.folder.parts[0] / "figures" / name
        return self.out / self.case.folder / name

    def new(self, product: str) -> Path:
        """An output of this step."""
        return self.stage / f"{self.case.key}_{product}"
