"""A reader that leaves early changes neither the work nor the exit code."""

import subprocess
import sys

import nibabel as nib
import pytest

BRAINFILL = (sys.executable, "-m", "brainfill")


def left(stream, *arguments):
    """Run a command whose reader has left; its exit code and what the other stream says."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([*BRAINFILL, *map(str, arguments)], **pipes, text=True)
    getattr(process, stream).close()
    other = process.stderr if stream == "stdout" else process.stdout
    said = other.read()
    other.close()
    return process.wait(), said


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_the_work_is_done(stream, files):
    out = files.folder / "out.nii.gz"
    code, said = left(stream, "fill", files.t1, files.mask, "-o", out, "--method", "localmean")
    assert code == 0
    assert out.is_file()
    assert (str(out) in said) == (stream == "stderr")
    assert "Traceback" not in said
    assert "BrokenPipe" not in said


def test_an_error_keeps_its_exit_code(tmp_path):
    code, said = left("stderr", "fill", tmp_path / "none.nii.gz", tmp_path / "none.nii.gz")
    assert (code, said) == (66, "")


def test_lists_end_quietly():
    assert left("stdout", "list", "samplers") == (0, "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_streams_that_were_never_open(closed, files):
    def code(*arguments):
        shell = ["sh", "-c", f'"$@" {closed}', "sh"]
        return subprocess.run([*shell, *BRAINFILL, *map(str, arguments)], check=False).returncode

    out = files.folder / "out.nii.gz"
    assert code("fill", files.t1, files.mask, "-o", out, "--method", "localmean") == 0
    assert nib.load(out).shape == nib.load(files.t1).shape
    assert code("fill", files.folder / "none.nii.gz", files.mask) == 66
