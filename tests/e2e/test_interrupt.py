"""Ctrl-C or a full disk in the middle of writing: an exit code, and a folder as it was."""

import signal
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest

# Shells start background jobs deaf to Ctrl-C, and the tests may be part of one.
SLOW = """
import signal, sys, time
from brainfill.io import nifti

signal.signal(signal.SIGINT, signal.default_int_handler)
write = nifti.write_bytes

def write_slowly(*arguments, **options):
    write(*arguments, **options)
    print("half way", flush=True)
    time.sleep(60)

nifti.write_bytes = write_slowly
from brainfill.cli.app import main
main()
"""


FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop()),) * 2)
from brainfill.cli.app import main
main()
"""
ARGUMENTS = ["fill", "t1.nii.gz", "mask.nii.gz", "--method", "localmean"]


@pytest.fixture
def folder(tmp_path):
    head = np.zeros((12, 12, 12), np.int16)
    head[2:10, 2:10, 2:10] = np.random.default_rng(0).integers(400, 600, (8, 8, 8))
    lesion = np.zeros(head.shape, np.uint8)
    lesion[5:7, 5:7, 5:7] = 1
    for name, data in (("t1.nii.gz", head), ("mask.nii.gz", lesion)):
        nib.save(nib.Nifti1Image(data, np.eye(4)), tmp_path / name)
    return tmp_path


def test_nothing_stays_behind(folder):
    child = subprocess.Popen(
        [sys.executable, "-c", SLOW, *ARGUMENTS],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "half way\n"
    assert len(list(folder.iterdir())) == 3
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=120)
    assert child.returncode == 130
    assert "Traceback" not in err
    assert sorted(p.name for p in folder.iterdir()) == ["mask.nii.gz", "t1.nii.gz"]


@pytest.mark.parametrize(("room", "refused"), [(300, "nii.gz"), (1000, "json")])
def test_no_room_for_the_output(folder, room, refused):
    # No file may grow beyond so many bytes: to the command, a disk that fills up while it writes.
    done = subprocess.run(
        [sys.executable, "-c", FULL, *ARGUMENTS, str(room)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"cannot write 't1_filled.{refused}': the file grew larger than allowed" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(p.name for p in folder.iterdir()) == ["mask.nii.gz", "t1.nii.gz"]
