"""A tiny BIDS dataset on disk, and a measure of thickness that takes no time."""

import json

import nibabel as nib
import numpy as np

AFFINE = np.array([[-1.0, 0, 0, 10], [0, 1.2, 0, -12], [0, 0, 1.5, -9], [0, 0, 0, 1]])


def save(path, data):
    """Write an image of int16 or uint8; its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(data, AFFINE)
    image.header.set_xyzt_units("mm", "sec")
    nib.save(image, path)
    return path


def lesion(*, empty=False):
    """Eight voxels in the middle of the head, or none."""
    where = np.zeros((20, 18, 16), np.uint8)
    where[8:10, 8:10, 7:9] = 0 if empty else 1
    return where


def make_person(raw, label, *, empty=False, session=""):
    """A T1w of a person, a ball of tissue, and its lesion mask; the folder of both."""
    distance = np.linalg.norm(np.indices((20, 18, 16)).T - np.array([9.5, 8.5, 7.5]), axis=-1).T
    noise = np.random.default_rng(int(label)).normal(600, 20, distance.shape)
    head = np.where(distance < 7, noise, 0).astype(np.int16)
    head[lesion() > 0] = 200
    folder = raw / f"sub-{label}" / (f"ses-{session}/anat" if session else "anat")
    key = f"sub-{label}" + (f"_ses-{session}" if session else "")
    save(folder / f"{key}_T1w.nii.gz", head)
    save(folder / f"{key}_label-lesion_roi.nii.gz", lesion(empty=empty))
    return folder


def make_dataset(raw, labels=("01", "02")):
    """A dataset with these people; its folder."""
    raw.mkdir(parents=True)
    about = {"Name": "balls", "BIDSVersion": "1.10.0", "DatasetType": "raw"}
    (raw / "dataset_description.json").write_text(json.dumps(about))
    for label in labels:
        make_person(raw, label)
    return raw


def left_over(out):
    """Unfinished files in an output dataset."""
    work = [p for p in (out / ".brainfill" / "work").rglob("*") if p.is_file()]
    return [*work, *out.rglob(".part-*")]


# For `sitecustomize`: in the commands of a run, `direct` measures dark voxels instead of cortex. There are four
# regions, the lesion of `lesion()` in two of them; each is 2 mm thick, and thinner the more of it is dark.
QUICK = """
import sys

def build(config):
    def measure(scan, ctx):
        import numpy as np
        from brainfill.core.volume import LabelMap, Volume
        from brainfill.thickness._base import RegionRow, Thickness
        image = scan.images["T1w"]
        head = image.data > 0
        x, _, z = np.indices(head.shape)
        labels = np.where(head, 1 + (x >= 9) + 2 * (z >= 12), 0).astype(np.int32)
        rows = []
        for number, (name, side) in enumerate(NAMES, 1):
            inside = labels == number
            mm = 2 - 1 * float((image.data[inside] < 300).mean())
            rows.append(RegionRow(name, side, mm, 0.1, int(inside.sum()), 1.0, number))
        means = {s: float(np.mean([r.mean_mm for r in rows if r.hemisphere == s])) for s in ("left", "right")}
        mm = Volume(np.where(head, 2.0, 0).astype(np.float32), image.grid)
        return Thickness(rows, "four", means, mm, LabelMap(labels, image.grid))
    return measure

NAMES = [("insula", "right"), ("insula", "left"), ("cuneus", "right"), ("cuneus", "left")]
if "thickness" in sys.orig_argv:
    import brainfill.thickness.picture
    from brainfill.core import registry
    brainfill.thickness.picture.picture = lambda found, t1: b"a picture"
    found = registry.load
    def load(package, name):
        plugin = found(package, name)
        if package == "brainfill.thickness.backends":
            plugin.build = build
        return plugin
    registry.load = load
"""


def quick_thickness(folder, more=""):
    """Make the folder one that, on the PYTHONPATH, has thickness measured by `QUICK`; its path as text."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(QUICK + more)
    return str(folder)
