"""Masks on real scans from real lesions; the phantoms of test_tasks_masks are the twins."""

from pathlib import Path

import numpy as np
import pytest

import brainfill

DATA = Path(__file__).parents[3].parent / "shared" / "data"
PERSON = "sub-1002/ses-01/anat/sub-1002_ses-01"
pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not DATA.is_dir(), reason="the real scans are not here"),
]


def test_lesions_of_patients_fit_into_white_matter():
    pool = sorted((DATA / "ms" / "lesion_masks").glob("*.nii.gz"))[:3]
    drawn = brainfill.draw_mask(
        "components",
        DATA / "oasis" / f"{PERSON}_T1w.nii.gz",
        pool=pool,
        tissue=DATA / "oasis" / "derivatives" / "labels" / f"{PERSON}_desc-tissues_dseg.nii.gz",
        tissue_labels=[3],
        n=10,
    )
    assert len(drawn.table) == 10
    for row in drawn.table:
        assert row["share_in_tissue"] >= 0.95
        assert row["volume_ratio"] == pytest.approx(1, abs=0.05)


def test_a_stroke_leaves_room_for_a_healthy_mask():
    pool = sorted((DATA / "stroke_masks").glob("*.nii.gz"))[:10]
    scan = DATA / "oasis" / f"{PERSON}_T1w.nii.gz"
    stroke = brainfill.draw_mask(
        "components", scan, pool=pool, n=1, smallest_ml=10.0, largest_ml=60.0
    )
    drawn = brainfill.draw_mask("healthy", scan, mask=stroke.mask, pool=pool)
    healthy, unhealthy = (
        np.asarray(image.dataobj) > 0 for image in (drawn.mask, drawn.others["unhealthy"])
    )
    assert not (healthy & unhealthy).any()
    assert drawn.table[0]["share_in_brain"] >= 0.75
    assert drawn.facts["Drawn"][0]["distance_to_tumour_mm"] >= 5
