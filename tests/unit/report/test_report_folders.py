"""Pages tell the names of files and not their folders."""

import pytest

from brainfill.report.folders import without_folders
from brainfill.report.page import page
from brainfill.report.parts import Part


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("/home/jo/T1.nii.gz", "T1.nii.gz"),
        ("/home/jo doe/T1 a.nii.gz", "T1 a.nii.gz"),
        ("/home/jo/folder/", "folder"),
        ("~jo/T1.nii", "T1.nii"),
        ("../jo/T1.nii", "T1.nii"),
        ("../../jo/T1.nii", "T1.nii"),
        ("file:///home/jo/T1.nii", "T1.nii"),
        (r"C:\Users\jo\T1.nii", "T1.nii"),
        ("out=/home/jo/x,/home/jo/y", "out=x,y"),
        ("mask '/home/jo doe/m.nii' of '/home/jo/t.nii'", "mask 'm.nii' of 't.nii'"),
        # What is no path with folders of anybody stays.
        ("scans/T1.nii.gz", "scans/T1.nii.gz"),
        ("bids:raw:sub-01/anat/x.nii", "bids:raw:sub-01/anat/x.nii"),
        ("https://doi.org/10.1/a/b", "https://doi.org/10.1/a/b"),
        ("|x - y| / (x + y), 1/2 of a and/or b", "|x - y| / (x + y), 1/2 of a and/or b"),
        ("direct/deep", "direct/deep"),
        ("/", "/"),
        ("", ""),
    ],
)
def test_texts(text, right):
    assert without_folders(text) == right
    assert without_folders(right) == right


def test_all_that_a_page_says():
    facts = {
        "Sources": ["/home/jo/T1.nii.gz", "/home/jo/m.nii.gz"],
        "SourcesSHA256": {"/home/jo/T1.nii.gz": "a", "/data/jo/T1.nii.gz": "b"},
        "Warnings": ["'/home/jo/m.nii.gz' holds 255"],
        "ToolFolder": "/scratch/jo/tools",
    }
    part = Part(
        "fill", {"template": "/home/jo/MNI.nii.gz"}, methods="To /home/jo/MNI.nii", facts=facts
    )
    words = ["brainfill", "fill", "/home/jo/T1.nii.gz", "--set", "a=/home/jo/b"]
    html = page("T1", [part], words)
    body = html[html.index("<body") : html.index("<script")]
    assert "jo" not in body.replace("json", "")
    for name in ("MNI.nii.gz", "m.nii.gz", "tools", "a=b", "T1.nii.gz (2)"):
        assert name in body
