"""The shipped model on the shipped sample, through the command as users call it."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from brainfill.bundles.store import CARD, WEIGHTS, find, load_bundle, names
from brainfill.metrics.image import fill_metrics
from brainfill.preprocess.tissues.deep import CLASSES as TISSUES
from brainfill.thickness.regions import CLASSES as REGIONS
from brainfill.thickness.regions import region_names

SAMPLES = Path(__file__).parents[2] / "data-samples"
T1, MASK, TRUTH = (
    SAMPLES / f"sub-01_{kind}.nii.gz" for kind in ("T1w", "lesion_mask", "truth_T1w")
)

MIB = 2**20
SEGMENTERS = ("brain-mask", "regions", "tissues")
LARGEST = {
    "brain-mask": 2 * MIB,
    "lesion-paint": 6 * MIB,
    "lesion-redraw": 2 * MIB,
    "regions": 4 * MIB,
    "t1-fill": 8 * MIB,
    "tissues": 6 * MIB,
}


def array(path):
    return np.asarray(nib.load(path).dataobj)


def fill(t1, mask, out, *options):
    command = [sys.executable, "-m", "brainfill", "fill", t1, mask, "-o", out, "-q", *options]
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    return out


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    return fill(T1, MASK, tmp_path_factory.mktemp("shipped") / "filled.nii.gz")


@pytest.mark.parametrize("name", names())
def test_bundles_are_whole_small_and_say_where_they_come_from(name):
    folder = find(name)
    assert sorted(p.name for p in folder.iterdir()) == ["README.md", CARD, WEIGHTS]
    assert (folder / WEIGHTS).stat().st_size <= LARGEST[name]
    card = load_bundle(folder).card
    assert card.name == name
    assert all((card.licence, card.citation, card.data, card.made_by, card.metrics))


def test_the_networks_of_thickness_tell_apart_what_is_measured():
    found = {name: load_bundle(find(name)).model.config.classes for name in SEGMENTERS[1:]}
    assert found == {"regions": (*REGIONS, *region_names()), "tissues": TISSUES}


def test_all_bundles_together_are_small():
    assert names() == sorted(LARGEST)
    assert sum((find(name) / WEIGHTS).stat().st_size for name in names()) <= 24 * MIB


def test_nothing_changes_outside_the_grown_mask(filled):
    facts = json.loads(filled.with_name("filled.json").read_text())
    assert facts["MaxAbsDifferenceOutsideMask"] == 0
    assert facts["Model"]["name"] == "t1-fill"
    changed = array(filled) != array(T1)
    assert 0 < changed.sum() == facts["VoxelsChanged"] <= facts["FilledVoxels"]
    assert changed[array(MASK) > 0].mean() > 0.95


def test_the_fill_is_nearer_to_the_truth_than_every_method_without_a_model(filled, tmp_path):
    hole, truth = array(MASK) > 0, array(TRUTH).astype(np.float32)
    damaged = np.where(hole, 0, truth)

    def error(path):
        return fill_metrics(array(path).astype(np.float32), truth, hole, damaged)["mae"]

    others = {
        name: error(fill(T1, MASK, tmp_path / f"{name}.nii.gz", "--method", name))
        for name in ("localmean", "histogram", "harmonic", "patch")
    }
    assert error(filled) < min(others.values()), others


def test_the_same_command_writes_the_same_bytes(filled, tmp_path):
    again = fill(T1, MASK, tmp_path / "again.nii.gz")
    first, second = (hashlib.sha256(p.read_bytes()).hexdigest() for p in (filled, again))
    assert first == second


def test_how_the_scan_is_stored_does_not_matter(filled, tmp_path):
    """The same head in another array order: the fill is the same at every place of the world."""
    turned = {}
    for name, path in (("t1", T1), ("mask", MASK)):
        turned[name] = tmp_path / f"{name}.nii.gz"
        image = nib.load(path)
        target = nib.orientations.axcodes2ornt("PIL")
        order = nib.orientations.ornt_transform(nib.io_orientation(image.affine), target)
        nib.save(image.as_reoriented(order), turned[name])
    out = fill(turned["t1"], turned["mask"], tmp_path / "filled.nii.gz")
    here = nib.as_closest_canonical(nib.load(out)).get_fdata()
    there = nib.as_closest_canonical(nib.load(filled)).get_fdata()
    # One grey value of rounding, where the order of a sum differs.
    assert np.abs(here - there).max() <= 1
