"""The page of a study: one HTML file with everything in it, and nothing in it that tells the truth."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from brainfill.core.volume import Volume
from brainfill.pictures import PLANES, edges, outline, picture, plane_grid
from brainfill.study.candidates import Candidate
from brainfill.study.config import StudyConfig

_TASK = {
    "forced": "Each case is one scan with several outlined lesions. Exactly one of them is synthetic: "
    "computed, not real.\nChoose the one that you think is synthetic, even if you have to guess.",
    "free": "Each case is one outlined lesion. It is real, or synthetic: computed.\nJudge what you think it "
    "is, even if you have to guess. How many are synthetic is not told.",
}
_KEYS = {
    "forced": "1 to 9, 0      choose lesion 1 to 9, 10\nleft, right    look at another lesion\n"
    "Enter          choose the lesion shown; once more: next case\n",
    "free": "1 or R, 2 or S real, synthetic\nEnter          next case\n",
}
_README = """READER STUDY {study}

Open study.html in a browser: Chrome, Edge, Firefox or Safari, on a computer or a phone.
It needs no network and sends nothing anywhere. An iPhone or iPad shows only a preview of a file: there, open
it from a web server.

{task}

Each lesion is shown in three planes through its centre; {convention} convention: the right of
the person is on the {side} of the picture. The letters at the edges say so too.

Keys
{keys}O              outline on and off
Z              enlarge, and back
C              how sure you are (optional)
P, N           previous and next case

Everything can be done by mouse or touch as well. What you answered is kept in this browser, so you may
close the page and go on later, on the same computer. Please do not talk about the cases with other
raters before all have finished.

At the end press "Save answers" and send the file answers_....json to the person who gave you this
folder. Cases left open are counted as not answered.

For research only. Not a medical device.
"""


@dataclass(frozen=True, eq=False)
class Drawing:
    """A case as it is drawn.

    Args:
        images: by contrast, each on a grid of its own.
        ranges: by contrast, the intensities of black and white.
    """

    images: Mapping[str, Volume]
    ranges: Mapping[str, tuple[float, float]]


def views(lesion: Candidate, drawing: Drawing, config: StudyConfig) -> list[dict[str, str]]:
    """The pictures of one lesion: each contrast in three planes, PNG in base 64, and their outlines."""
    found = []
    shape = (config.pixels, config.pixels)
    for contrast, image in drawing.images.items():
        for plane in PLANES:
            pixels = plane_grid(plane, lesion.centre_mm, shape, config.pixel_mm, config.convention)
            png = base64.b64encode(picture(image, pixels, drawing.ranges[contrast])).decode()
            path = outline(lesion.where, pixels)
            found.append({"contrast": contrast, "plane": plane, "png": png, "path": path})
    return found


def html(
    study: str,
    seal: str,
    questions: Mapping[str, Sequence[Sequence[dict[str, str]]]],
    config: StudyConfig,
) -> str:
    """The page.

    Args:
        study: name of the study.
        seal: SHA-256 of the key.
        questions: by name, in order: the views of each lesion.
        config: what is asked, and how lesions were drawn.
    """
    data: dict[str, Any] = {
        "study": study,
        "form": config.form,
        "key_sha256": seal,
        "task": _TASK[config.form].split("\n"),
        "convention": config.convention,
        "crop_mm": config.pixels * config.pixel_mm,
        "pixels": config.pixels,
        "edges": {plane: edges(plane, config.convention) for plane in PLANES},
        "questions": [{"id": name, "lesions": lesions} for name, lesions in questions.items()],
    }
    # "</script>" in a text would end the data.
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    page = _part("page.html")
    for part in ("page.css", "state.js", "view.js", "page.js"):
        page = page.replace(f"/*{part}*/", _part(part))
    return page.replace("/*data*/", text)


def readme(study: str, config: StudyConfig) -> str:
    """Plain words for the raters."""
    side = "left" if config.convention == "radiological" else "right"
    return _README.format(
        study=study,
        task=_TASK[config.form],
        convention=config.convention,
        side=side,
        keys=_KEYS[config.form],
    )


def _part(name: str) -> str:
    return (resources.files("brainfill.study") / "web" / name).read_text(encoding="utf-8").rstrip()
