"""Faults while commands run: signals at any moment, kill -9, no room, no readers, no HOME, another user.

After each of them the exit code is right, and nothing is left: no half of a file, no set of outputs that is not whole,
nothing in the folder of temporary files, no process.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

pytestmark = pytest.mark.slow

# The command, with a fault. Moments are the times at which it touches a file in the folder of the test: they are the
# same on every machine, however busy. The signals are heard even where the tests run in the background of a shell.
CHILD = """
import os, resource, signal, sys
HERE, number, moment, room = os.getcwd(), *(int(sys.argv.pop(1)) for _ in range(3))
EVENTS = ("open", "os.mkdir", "os.rename", "os.link", "os.remove", "os.rmdir", "subprocess.Popen")
seen = 0

def watch(event, arguments):
    global seen
    if event in EVENTS and isinstance(arguments[0], str | os.PathLike):
        place = os.path.join(HERE, os.fspath(arguments[0]))
        if place.startswith(HERE) and os.getpid() == OURS:
            seen += 1
            if seen == moment:
                os.kill(OURS, number)

OURS = os.getpid()
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
if room:
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
sys.addaudithook(watch)
from brainfill.cli.app import main
try:
    main()
finally:
    if not moment:
        os.write(9, str(seen).encode())
"""
TRAINING = ["train.steps=3", "train.batch=1", "train.warmup=0", "model.crop_vox=[8,8,8]"]
TRAINING += ["model.first_fill=harmonic", "model.unet.width=8"]
COMMANDS = {
    "fill": "fill t1.nii.gz mask.nii.gz --method localmean --hole out/h.nii.gz --labels out/l.nii.gz -o out/o.nii.gz",
    "smooth": "smooth t1.nii.gz --mask mask.nii.gz -o out/o.nii.gz",
    "masks": "masks box mask.nii.gz -o out/o.nii.gz",
    "preprocess": "preprocess t1.nii.gz -o out/new --steps clip,pad --report",
    "compare": "compare before.tsv after.tsv -o out/new --report",
    "synthesize": "synthesize t1.nii.gz mask.nii.gz -o out/o.nii.gz --model model --device cpu",
    "train": "train --data pack.npz -o out/run --family memory3d --preset tiny --device cpu "
    + " ".join(f"--set {s}" for s in TRAINING),
}
# All but training, which goes on where it was.
WHOLE = [name for name in COMMANDS if name != "train"]
# Those that load torch take their time, and one signal is enough for each.
SLOW = {"synthesize": [signal.SIGHUP], "train": [signal.SIGTERM]}
SIGNALS = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT]


@pytest.fixture
def folder(tmp_path, request):
    """A folder with the inputs of the command, one for outputs, and one for temporary files."""
    rng = np.random.default_rng(0)
    head = np.zeros((20, 18, 16), np.int16)
    head[2:18, 2:16, 2:14] = rng.integers(400, 600, (16, 14, 12))
    lesion = np.zeros(head.shape, np.uint8)
    lesion[8:11, 7:10, 6:9] = 1
    for name, data in (("t1.nii.gz", head), ("mask.nii.gz", lesion)):
        nib.save(nib.Nifti1Image(data, np.eye(4)), tmp_path / name)
    row = "region\themisphere\tmean_mm\tsd_mm\tvoxels\tvolume_ml\ninsula\tleft\t{}\t0.4\t900\t0.9\n"
    for name, mm in (("before", 2), ("after", 3)):
        (tmp_path / f"{name}.tsv").write_text(row.format(mm))
        (tmp_path / f"{name}.json").write_text('{"Backend": "demo"}')
    # What loads torch is made for those tests alone that want it.
    if "train" in request.node.name:
        from brainfill.train.pack import Pack, save_pack

        volume, shape = head[:12, :11, :13].astype(np.uint8), np.ones((2, 3, 2), bool)
        save_pack(Pack(["sub-01"], [volume], [shape]), tmp_path / "pack.npz")
    if "synthesize" in request.node.name:
        (tmp_path / "model").symlink_to(request.getfixturevalue("painter_models")["conditional"])
    for name in ("out", "tmp"):
        (tmp_path / name).mkdir()
    return tmp_path


def run(folder, name, *more, number=0, moment=0, room=0, shell="", **variables):
    """The finished command; its `moments` are the times it touched a file of the folder."""
    words = [*COMMANDS[name].split(), *more]
    command = [sys.executable, "-c", CHILD, str(number), str(moment), str(room), *words]
    environment = os.environ | {"TMPDIR": str(folder / "tmp"), "OMP_NUM_THREADS": "1"} | variables
    counts = folder / "moments"
    done = subprocess.run(
        ["sh", "-c", f'"$@" {shell} 9>"{counts}"', "sh", *command],
        cwd=folder,
        env={k: v for k, v in environment.items() if v is not None},
        capture_output=True,
        text=True,
        check=False,
    )
    done.moments = int(counts.read_text() or 0)
    counts.unlink()
    return done


def drawn(moments, *seed):
    """One of the moments, always the same."""
    return random.Random(str(seed)).randint(1, moments)  # noqa: S311 - no secret


def outputs(folder):
    """What is below the folder of outputs, empty folders included."""
    return sorted(str(p.relative_to(folder / "out")) for p in (folder / "out").rglob("*"))


def half_files(folder):
    return [p.name for p in folder.rglob(".part-*")]


def emptied(folder):
    shutil.rmtree(folder / "out")
    (folder / "out").mkdir()


def processes_in(folder):
    """Processes that work in a folder or below."""
    found = []
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdecimal() and (process / "cwd").readlink().is_relative_to(folder):
                found.append((process / "cmdline").read_bytes())
    return found


def check_nothing_left(folder):
    assert half_files(folder) == []
    assert list((folder / "tmp").iterdir()) == []
    assert processes_in(folder) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_signals_at_any_moment(folder, name):
    whole = run(folder, name)
    assert whole.returncode == 0, whole.stderr
    assert whole.moments > 5
    check_nothing_left(folder)
    complete = outputs(folder)
    emptied(folder)
    for number in SLOW.get(name, SIGNALS):
        moment = drawn(whole.moments, name, number)
        done = run(folder, name, number=number, moment=moment)
        place = f"signal {number} at moment {moment} of {whole.moments}: {done.stderr}"
        assert done.returncode == 128 + number, place
        assert "Traceback" not in done.stderr, place
        check_nothing_left(folder)
        if name in WHOLE:
            assert outputs(folder) in ([], complete), place
            emptied(folder)
    if name == "train":  # goes on where it was
        done = run(folder, name)
        assert done.returncode == 0, done.stderr
        assert outputs(folder) == complete


@pytest.mark.parametrize("name", ["fill", "train"])
def test_after_kill_9_the_next_run_is_fine(folder, name):
    whole = run(folder, name)
    complete = outputs(folder)
    emptied(folder)
    last = drawn(whole.moments, name)
    done = run(folder, name, number=signal.SIGKILL, moment=last)
    assert done.returncode in (-9, 128 + 9)
    done = run(folder, name, *(["--force"] if name in WHOLE else []))
    assert done.returncode == 0, done.stderr
    assert set(complete) <= set(outputs(folder))


def test_nohup_stays_deaf_to_a_lost_connection(folder):
    ignoring = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    words = [
        sys.executable,
        "-c",
        ignoring + CHILD.replace("signal.signal(signal.SIGHUP, signal.SIG_DFL)", ""),
    ]
    done = subprocess.run(
        [*words, str(int(signal.SIGHUP)), "3", "0", *COMMANDS["smooth"].split()],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "out/o.nii.gz\n"), done.stderr


def test_a_program_ends_with_all_it_has_called(folder):
    program = folder / "bet"
    program.write_text("#!/bin/sh\nsleep 300 &\necho > began\nwait\n")
    program.chmod(0o755)
    words = ["preprocess", "t1.nii.gz", "-o", "out/new", "--steps", "skullstrip"]
    child = subprocess.Popen(
        [sys.executable, "-m", "brainfill", *words, "--skullstrip", "bet"],
        cwd=folder,
        env=os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "TMPDIR": str(folder / "tmp")},
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 120
    while not list((folder / "tmp").rglob("began")):
        assert child.poll() is None, child.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.05)
    child.terminate()
    _, err = child.communicate(timeout=60)
    assert (child.returncode, "Traceback" in err) == (143, False), err
    check_nothing_left(folder)
    assert outputs(folder) == []


@pytest.mark.parametrize("name", ["smooth", "preprocess", "compare"])
def test_no_room(folder, name):
    # No file may grow beyond so many bytes: to the command, a disk that fills up while it writes.
    done = run(folder, name, room=150)
    assert done.returncode == 2, done.stderr
    assert "error: cannot write '" in done.stderr
    assert "Traceback" not in done.stderr
    check_nothing_left(folder)
    assert outputs(folder) == []


@pytest.mark.parametrize(
    ("shell", "code", "out"),
    [
        (">&-", 0, ""),
        ("2>&-", 0, "out/o.nii.gz\n"),
        (">&- 2>&- <&-", 0, ""),
        ("2>/dev/full", 0, "out/o.nii.gz\n"),
        (">/dev/full", 2, ""),
        (">/dev/full 2>/dev/full", 2, ""),
    ],
)
def test_streams_that_take_nothing(folder, shell, code, out):
    done = run(folder, "smooth", shell=shell)
    assert (done.returncode, done.stdout) == (code, out), done.stderr
    assert "Traceback" not in done.stderr
    assert outputs(folder) == ["o.json", "o.nii.gz"]
    if shell == ">/dev/full":
        assert done.stderr.endswith(
            "error: the results are written, but stdout takes no more: No space left on device\n"
            "hint: send stdout to where there is room\n"
        )


@pytest.mark.parametrize(
    ("name", "variables"),
    [
        ("preprocess", {"HOME": None}),
        ("preprocess", {"HOME": "/nowhere"}),
        ("fill", {"TMPDIR": "/nowhere"}),
    ],
    ids=str,
)
def test_no_home_and_no_folder_of_temporary_files(folder, name, variables):
    done = run(folder, name, **variables)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    check_nothing_left(folder)


def test_another_user_may_not_write_there(folder):
    if os.geteuid():
        pytest.skip("only root can be another user")
    nobody = "import os; os.setgid(65534); os.setuid(65534)\n"
    words = [sys.executable, "-c", nobody + "import brainfill.cli.app"]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("another user may not read the package here")
    for parent in folder.parents[:3]:
        parent.chmod(0o755)
    words = [sys.executable, "-c", nobody + CHILD, "0", "1000000", "0"]
    done = subprocess.run(
        [*words, *COMMANDS["smooth"].split()],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "error: cannot write 'out/o.nii.gz': folder 'out': it is not writable" in done.stderr
    (folder / "out").chmod(0o777)
    done = subprocess.run(
        [*words, *COMMANDS["smooth"].split()],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "out/o.nii.gz").stat().st_uid == 65534
