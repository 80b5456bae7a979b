"""Three people for the cohort workflow, the ways to run it, and what must come out of all of them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

COHORT = Path(__file__).parents[1] / "pipelines" / "cohort"
LABELS = ("01", "02", "03")
QUICK = ("--method", "localmean", "--no-report")
BRAINFILL = f"{sys.executable} -m brainfill bids"

_SLOWLY = """
import sys, time
from pathlib import Path
if sys.orig_argv[2:5] == ['brainfill.bids.supervised', 'brainfill', 'fill'] and 'sub-02' in str(sys.orig_argv):
    if Path('slow').exists():
        Path('filling').touch()
        time.sleep(300)
"""


def slow_package(folder):
    """A package path that has the fill of sub-02 wait as long as there is a file "slow"."""
    package = folder / "slowly"
    package.mkdir()
    (package / "sitecustomize.py").write_text(_SLOWLY)
    return os.pathsep.join([str(package), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)


def run(words, folder, **more):
    """A finished command."""
    return subprocess.run(
        [str(w) for w in words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        **more,
    )


def direct(folder, out, *more):
    """The dataset through `brainfill bids` itself."""
    words = [*BRAINFILL.split(), "raw", out, "participant", "--omp-nthreads", "1", *QUICK]
    done = run([*words, *more], folder)
    assert done.returncode == 0, done.stderr
    return results(folder / out)


def snakemake_program():
    """Snakemake of its own environment, or of this one."""
    found = shutil.which(os.environ.get("BRAINFILL_TEST_SNAKEMAKE") or "snakemake")
    if not found:
        if "BRAINFILL_TEST_SNAKEMAKE" in os.environ:
            pytest.fail("BRAINFILL_TEST_SNAKEMAKE names no program")
        pytest.skip("snakemake is not installed: .ci/cohort does it")
    return found


def snakemake_words(profile, *settings):
    """The workflow, through one of its profiles."""
    return [
        *(snakemake_program(), "-s", COHORT / "Snakefile"),
        *("--profile", COHORT / "profiles" / profile, "--nocolor"),
        *("--config", "bids_dir=raw", "out_dir=out", "threads=1", f"command={BRAINFILL}"),
        *settings,
    ]


def results(out):
    """Images and tables of people, by path; sidecars tell times, and pages are left out."""
    paths = [p for kind in ("*.nii.gz", "*.tsv") for p in out.glob(f"sub-*/**/{kind}")]
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in paths}


def calls(out, command):
    """How often people's logs name a command."""
    logs = [p.read_text() for p in (out / "logs").glob("sub-*_*.log")]
    return sum(text.count(f"$ python -m {command} ") for text in logs)
