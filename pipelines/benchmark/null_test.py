"""Does filling a healthy place of a healthy scan change the volumes of white and grey matter?

    python pipelines/benchmark/null_test.py OASIS_BIDS LESION_MASKS --people 1002 1008 1122

Each hole is filled as a user would, the scan is segmented before and after by Atropos (three classes by
k-means and a Markov random field; Avants 2011, https://doi.org/10.1007/s12021-011-9109-y), and the change
of each volume is given in percent of the tissue in the hole. Ends with PASS or what falls short.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from pathlib import Path

import ants
import numpy as np
from holes import GREY, KINDS, WHITE, lesion_shapes, make_hole
from runs import filled, line, load_person, masks, save

LARGEST_CHANGE_PCT = 0.5


def main() -> None:
    """Read the command line, fill and segment everything, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bids", type=Path, help="stripped 1 mm T1w with derivatives/labels")
    parser.add_argument("lesions", type=Path, help="folder of lesion masks that give the shapes")
    parser.add_argument("--people", nargs="+", required=True)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--methods", nargs="+", default=["diffusion", "diffusion:samples=1"])
    parser.add_argument("--seed", type=int, default=2023)
    args = parser.parse_args()
    shapes = lesion_shapes(masks(args.lesions))
    found = defaultdict(list)
    print(line(["person", "kind", "hole_ml", "method", "white_pct", "grey_pct"]))
    with tempfile.TemporaryDirectory() as scratch:
        for name in args.people:
            person = load_person(args.bids, name)
            t1 = save(Path(scratch) / "t1.nii.gz", person.truth, person.image.affine)
            before = tissue_ml(t1)
            for kind in args.kinds:
                rng = np.random.default_rng([args.seed, int(name), KINDS.index(kind)])
                hole = make_hole(kind, person.tissues, shapes, rng)
                mask = save(Path(scratch) / "m.nii.gz", hole.astype(np.uint8), person.image.affine)
                hole_ml = float((person.tissues[hole] >= GREY).sum()) / 1000
                for method in args.methods:
                    out = Path(scratch) / "out.nii.gz"
                    filled(t1, mask, out, method, 1, person.truth)
                    change = 100 * (tissue_ml(out) - before) / hole_ml
                    found[kind, method].append(change)
                    print(line([name, kind, hole_ml, method, *change.tolist()]), flush=True)
    short = []
    print("\nmean over people of the change, and of its size")
    for case, changes in found.items():
        mean, size = np.mean(changes, axis=0), np.abs(changes).mean(axis=0)
        print(line([*case, *mean.tolist(), *size.tolist()]))
        if size.max() > LARGEST_CHANGE_PCT:
            short.append(f"{', '.join(case)}: {size.max():.1f} %")
    print("PASS" if not short else "short of the aim: " + "; ".join(short))


def tissue_ml(path: Path) -> np.ndarray:
    """Volumes of white and grey matter in a stripped 1 mm scan [ml], partial volumes by probability."""
    image = ants.image_read(str(path))
    brain = image > 0
    # A few bright vessels must not become a class.
    image = ants.from_numpy_like(np.minimum(image.numpy(), np.percentile(image[brain], 99)), image)
    classes = ants.atropos(a=image, x=brain, i="KMeans[3]", m="[0.1,1x1x1]", c="[5,0]")
    maps = classes["probabilityimages"]
    return np.array([maps[tissue - 1].numpy().sum() / 1000 for tissue in (WHITE, GREY)])


if __name__ == "__main__":
    main()
