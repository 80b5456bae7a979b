"""What a dataset's run may meet: kill -9, Ctrl-C, another run at the same time, a full disk."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bids_cases import left_over, make_dataset, quick_thickness


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A dataset; commands that are run in it are slow to fill as long as there is a file "slow".

    So are those that measure thickness with "slow to measure"; otherwise they take no time.
    """
    make_dataset(tmp_path / "raw")
    package = quick_thickness(
        tmp_path / "slowly",
        "import os, time\n"
        "from pathlib import Path\n"
        "words = [] if 'bids' in sys.orig_argv else sys.orig_argv\n"
        "for word, file in (('fill', 'slow'), ('thickness', 'slow to measure')):\n"
        "    if word in words and Path(file).exists():\n"
        "        Path('filling').touch()\n"
        "        time.sleep(120)\n"
        # Where nothing ended it, as after kill -9, it is not to disturb the run that comes next.
        "        os._exit(1)\n",
    )
    old = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([package, *([old] if old else [])]))
    return tmp_path


def _hears_ctrl_c():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def start(folder, *more):
    words = [
        "bids",
        "raw",
        "out",
        "participant",
        "--method",
        "localmean",
        "--omp-nthreads",
        "1",
        "--no-report",
    ]
    return subprocess.Popen(
        [sys.executable, "-m", "brainfill", *words, *more],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Tests that run in the background pass on that Ctrl-C is not heard.
        preexec_fn=_hears_ctrl_c,  # noqa: PLW1509 - these tests have one thread
    )


def run(folder, *more):
    child = start(folder, *more)
    out, err = child.communicate(timeout=300)
    return child.returncode, out, err


def until(condition):
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def filling(folder):
    return (folder / "filling").exists()


def results(folder):
    return sorted(
        p.name for p in folder.rglob("*_desc-filled_T1w.nii.gz") if ".brainfill" not in p.parts
    )


FILLED = ["sub-01_desc-filled_T1w.nii.gz", "sub-02_desc-filled_T1w.nii.gz"]


def test_killed_during_a_fill_and_repeated(folder):
    (folder / "slow").touch()
    child = start(folder)
    until(lambda: filling(folder))
    child.kill()
    child.communicate()
    assert results(folder) == []
    (folder / "slow").unlink()
    code, _, err = run(folder)
    assert code == 0, err
    assert results(folder) == FILLED
    assert left_over(folder / "out") == []
    # The mask was joined before the kill, and is kept.
    logs = [p.read_text() for p in (folder / "out/logs").glob("sub-01_*.log")]
    assert sum(text.count("$ python -m brainfill.bids.lesion ") for text in logs) == 1
    assert sum(text.count("$ python -m brainfill fill ") for text in logs) == 2


def test_killed_during_a_measurement_and_repeated(folder):
    (folder / "slow to measure").touch()
    asked = ("--steps", "fill,thickness,compare", "--participant-label", "01", "--report")
    child = start(folder, *asked)
    until(lambda: filling(folder))
    child.kill()
    child.communicate()
    assert results(folder) == FILLED[:1]
    (folder / "slow to measure").unlink()
    code, out, err = run(folder, *asked)
    assert (code, out) == (0, "out/sub-01/anat/sub-01_desc-changeregions_thickness.tsv\n"), err
    assert left_over(folder / "out") == []
    # The fill was done before the kill, and is kept; its page knows those that came later.
    logs = [p.read_text() for p in (folder / "out/logs").glob("sub-01_*.log")]
    assert sum(text.count("$ python -m brainfill fill ") for text in logs) == 1
    assert sum(text.count("--desc unfilled") for text in logs) == 2
    assert 'href="sub-01_desc-change_thickness.html"' in (folder / "out/sub-01.html").read_text()


def test_a_scan_that_cannot_be_measured_leaves_its_fill_and_the_others(folder):
    with (folder / "slowly/sitecustomize.py").open("a") as file:
        file.write(
            "if 'thickness' in words and any('sub-01' in word for word in words):\n"
            "    print('error: no cortex', file=sys.stderr, flush=True)\n"
            "    os._exit(65)\n"
        )
    code, _, err = run(folder, "--steps", "fill,thickness")
    assert code == 75
    assert "sub-01: failed: no cortex" in err
    assert "Traceback" not in err
    assert results(folder) == FILLED
    assert (folder / "out/sub-02/anat/sub-02_desc-filled_thickness.tsv").exists()
    assert not list((folder / "out/sub-01/anat").glob("*_thickness.*"))


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted(folder, signal_):
    (folder / "slow").touch()
    child = start(folder, "--n-procs", "2")
    until(lambda: filling(folder))
    child.send_signal(signal_)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 128 + signal_
    assert "Traceback" not in err
    assert results(folder) == []
    assert left_over(folder / "out") == []
    # Nobody of its children lives on.
    assert [p for p in processes() if working_folder(p) == str(folder)] == []


def test_two_runs_at_once_share_the_work(folder):
    runs = [start(folder), start(folder)]
    said = [r.communicate(timeout=300)[1] for r in runs]
    assert [r.returncode for r in runs] == [0, 0], said
    assert results(folder) == FILLED
    assert left_over(folder / "out") == []
    logs = [p.read_text() for p in (folder / "out/logs").glob("sub-*_*.log")]
    assert sum(text.count("$ python -m brainfill fill ") for text in logs) == 2
    for label in ("01", "02"):
        assert json.loads((folder / f"out/logs/sub-{label}.json").read_text())["Status"] == "done"


def test_a_person_whose_process_is_killed_is_failed(folder):
    (folder / "slow").touch()
    child = start(folder, "--participant-label", "01")
    until(lambda: filling(folder))
    mine = [p for p in processes() if working_folder(p) == str(folder)]
    (filler,) = [int(p.name) for p in mine if "fill" in words_of(p)]
    os.kill(filler, signal.SIGKILL)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 75
    assert "sub-01: failed: its process was killed by signal 9" in err
    assert "hint: if memory ran out" in err
    assert left_over(folder / "out") == []


def test_a_full_disk(folder, tmp_path):
    small = tmp_path / "out"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    try:
        (small / "ballast").write_bytes(b"x" * 28_000)
        code, _, err = run(folder)
        assert code in (2, 75)
        assert "disk is full" in err or "No space left" in err
        assert "Traceback" not in err
        assert left_over(small) == []
        (small / "ballast").unlink()
        assert (
            subprocess.run([*mount[:4], "remount,size=8m", str(small)], check=False).returncode == 0
        )
        code, _, err = run(folder)
        assert code == 0, err
        assert results(folder) == FILLED
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_an_output_folder_that_cannot_be_written(folder):
    (folder / "out").mkdir(mode=0o500)
    if os.access(folder / "out", os.W_OK):
        pytest.skip("this user may write everywhere")
    code, _, err = run(folder)
    assert code == 2
    assert "not writable" in err or "Permission denied" in err


def test_a_scan_that_may_not_be_read(folder):
    image = folder / "raw/sub-01/anat/sub-01_T1w.nii.gz"
    image.chmod(0)
    with contextlib.suppress(PermissionError), image.open("rb"):
        image.unlink()  # this user may read everything
        image.symlink_to("/proc/self/mem")
    code, _, err = run(folder)
    assert code == 75
    assert "sub-01: failed: " in err
    assert "cannot be read" in err
    assert results(folder) == FILLED[1:]


def processes():
    return [p for p in Path("/proc").iterdir() if p.name.isdecimal()]


def working_folder(process):
    with contextlib.suppress(OSError):
        return str((process / "cwd").readlink())
    return ""


def words_of(process):
    with contextlib.suppress(OSError):
        return (process / "cmdline").read_bytes().decode().split("\0")
    return []
