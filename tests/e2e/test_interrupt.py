"""Ctrl-C in the middle of writing: exit code 130 and a folder as it was."""

import signal
import subprocess
import sys

import nibabel as nib
import numpy as np

SLOW = """
import sys, time
from brainfill.io import nifti
write = nifti.write_bytes

def write_slowly(*arguments, **options):
    write(*arguments, **options)
    print("half way", flush=True)
    time.sleep(60)

nifti.write_bytes = write_slowly
from brainfill.cli.app import main
main()
"""


def test_nothing_stays_behind(tmp_path):
    head = np.zeros((12, 12, 12), np.int16)
    head[2:10, 2:10, 2:10] = np.random.default_rng(0).integers(400, 600, (8, 8, 8))
    lesion = np.zeros(head.shape, np.uint8)
    lesion[5:7, 5:7, 5:7] = 1
    for name, data in (("t1.nii.gz", head), ("mask.nii.gz", lesion)):
        nib.save(nib.Nifti1Image(data, np.eye(4)), tmp_path / name)
    arguments = ["fill", "t1.nii.gz", "mask.nii.gz", "--method", "localmean"]
    child = subprocess.Popen(
        [sys.executable, "-c", SLOW, *arguments],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "half way\n"
    assert len(list(tmp_path.iterdir())) == 3
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=30)
    assert child.returncode == 130
    assert "Traceback" not in err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mask.nii.gz", "t1.nii.gz"]
