"""The Snakemake workflow and the array script through SLURM, one of whose jobs is killed on the way."""

import os
import shutil
import subprocess
import time

import pytest
from bids_cases import left_over, make_dataset
from cohort_cases import (
    BRAINFILL,
    COHORT,
    LABELS,
    QUICK,
    calls,
    results,
    run,
    slow_package,
    snakemake_words,
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A dataset where SLURM's jobs can be made to wait."""
    here = shutil.which("sbatch") and not run(["sinfo"], tmp_path).returncode
    if not here:
        if os.environ.get("BRAINFILL_TEST_SLURM") == "1":
            pytest.fail("SLURM must be here, and does not answer")
        pytest.skip("no SLURM that answers: .ci/cohort starts one")
    make_dataset(tmp_path / "raw", LABELS)
    monkeypatch.setenv("PYTHONPATH", slow_package(tmp_path))
    monkeypatch.setenv("BRAINFILL", BRAINFILL)
    return tmp_path


def workflow():
    """Snakemake through the profile, and what a SLURM without accounts and with short jobs wants besides."""
    settings = ["steps=fill,smooth", f"options={' '.join(QUICK)}"]
    quickly = ["--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10"]
    return [*snakemake_words("slurm", *settings), "--slurm-status-command", "squeue", *quickly]


def array(*more):
    return [
        *("sbatch", "--wait", "--array=1-2", "--mem=1G", "--cpus-per-task=1"),
        *("--output=array_%a.log", COHORT / "slurm_array.sh", "people.txt", "raw", "out"),
        *(*QUICK, "--steps", "fill,smooth", *more),
    ]


def until(condition, child):
    end = time.monotonic() + 120
    while not condition():
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < end
        time.sleep(0.1)


def running(folder, of):
    """Ids of the running jobs of this folder whose squeue line says `of`."""
    lines = run(["squeue", "--noheader", "-t", "R", "--format", "%i %K %k %Z"], folder).stdout
    mine = [line.split() for line in lines.splitlines() if line.endswith(str(folder))]
    return [words[0] for words in mine if any(of in word for word in words[1:3])]


def test_a_job_killed_halfway_is_run_again_with_the_same_result(folder, alone):
    (folder / "slow").touch()
    first = subprocess.Popen(
        [str(w) for w in workflow()],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    until((folder / "filling").exists, first)
    (job,) = running(folder, "sub-02")
    assert run(["scancel", "--signal=KILL", "--full", job], folder).returncode == 0
    said, _ = first.communicate(timeout=300)
    assert first.returncode == 1, said
    assert "Error in rule fill" in said
    # The others are done, and nothing of the killed one has a name.
    made = results(folder / "out")
    assert sorted(p for p in made if "filled_T1w" in p) == [
        f"sub-{s}/anat/sub-{s}_desc-filled_T1w.nii.gz" for s in ("01", "03")
    ]

    (folder / "slow").unlink()
    second = run(workflow(), folder)
    assert second.returncode == 0, second.stderr
    assert second.stderr.count("\nrule fill:") == 1, second.stderr
    assert results(folder / "out") == alone
    assert left_over(folder / "out") == []
    # Its lesion mask was joined before the kill, and is kept.
    assert calls(folder / "out", "brainfill.bids.lesion") == 3
    assert calls(folder / "out", "brainfill fill") == 4
    assert (folder / "out/group_T1w.tsv").read_text().count("\tdone\t") == 3


def test_array_with_a_task_killed_halfway(folder, alone):
    (folder / "people.txt").write_text("01\nsub-02\n")
    (folder / "slow").touch()
    first = subprocess.Popen([str(w) for w in array()], cwd=folder, stdout=subprocess.PIPE)
    until((folder / "filling").exists, first)
    (job,) = running(folder, "2")
    assert run(["scancel", "--signal=KILL", "--full", job], folder).returncode == 0
    first.communicate(timeout=300)
    assert first.returncode != 0
    (folder / "slow").unlink()
    second = run(array(), folder)
    assert second.returncode == 0, (folder / "array_2.log").read_text()
    assert results(folder / "out") == {p: b for p, b in alone.items() if "sub-03" not in p}
    assert calls(folder / "out", "brainfill fill") == 3
    assert left_over(folder / "out") == []
