"""HD-BET run for real on a network made here, and programs played by scripts."""

import stat
import sys

import numpy as np
import pytest
from nnunet_folder import save

from brainfill.core import registry
from brainfill.core.context import Context
from brainfill.core.errors import DataError, ExternalError, UnavailableError
from brainfill.core.grid import Grid
from brainfill.core.volume import Volume
from brainfill.preprocess.strippers import hd_bet

GRID = Grid((24, 20, 22), np.diag([-1.0, 1.5, 2, 1]))
IMAGE = Volume(np.where(np.indices(GRID.shape)[0] < 10, 900, 100), GRID)
PROGRAMS = {
    "synthstrip": ("mri_synthstrip", "FreeSurfer", "sys.argv[4]"),
    "bet": ("bet", "FSL", "sys.argv[2] + '_mask.nii.gz'"),
}
# Third-party code that HD-BET runs on the way.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return save(tmp_path_factory.mktemp("hd-bet"), hd_bet.CHECKPOINT)


@pytest.mark.parametrize("tta", ["off", "on"])
def test_hd_bet_runs_its_own_predictor(weights, tta, capsys):
    import torch

    threads, stdout = torch.get_num_threads(), sys.stdout
    config = hd_bet.Config(weights=str(weights), tta=tta)
    assert hd_bet.missing(config) == ""
    found = hd_bet.build(config)(IMAGE, Context())
    assert found.grid is GRID
    assert (found.data == (IMAGE.data > 500)).mean() > 0.95
    assert (torch.get_num_threads(), sys.stdout) == (threads, stdout)
    assert capsys.readouterr().out == ""


def test_hd_bet_without_weights_names_file_and_folder(tmp_path):
    config = hd_bet.Config(weights=str(tmp_path))
    assert hd_bet.missing(config) == f"weights of HD-BET: found no 'plans.json' in '{tmp_path}'"
    with pytest.raises(UnavailableError, match=r"plans\.json") as error:
        hd_bet.build(config)(IMAGE, Context())
    assert error.value.exit_code == 69
    assert "zenodo.org" in error.value.hint


def test_hd_bet_looks_into_its_usual_folder(monkeypatch, tmp_path):
    from HD_BET import paths

    monkeypatch.setattr(paths, "folder_with_parameter_files", str(tmp_path / "usual"))
    assert str(tmp_path / "usual") in hd_bet.missing(hd_bet.Config())


class Evil:
    """Runs code when it is unpickled."""

    ran = False

    def __reduce__(self):
        return setattr, (Evil, "ran", True)


def test_a_checkpoint_that_could_run_code_is_not_opened(tmp_path):
    folder = save(tmp_path, hd_bet.CHECKPOINT, logging=Evil())
    Evil.ran = False
    with pytest.raises(DataError, match="could run code and is not opened"):
        hd_bet.build(hd_bet.Config(weights=str(folder)))(IMAGE, Context())
    assert not Evil.ran
    (folder / hd_bet.CHECKPOINT).write_bytes(b"no checkpoint")
    with pytest.raises(DataError, match="no checkpoint"):
        hd_bet.check_plain(folder / hd_bet.CHECKPOINT)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Puts a program on the PATH that is a Python script."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def write(name, script):
        path = tmp_path / name
        path.write_text(f"#!{sys.executable}\nimport sys\n{script}", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    return write


def strip(name, **settings):
    module = registry.load("brainfill.preprocess.strippers", name)
    config = module.Config(**settings)
    return module.missing(config), lambda: module.build(config)(IMAGE, Context())


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_finds_the_brain(install, name):
    program, _, out = PROGRAMS[name]
    script = (
        "import nibabel as nib, numpy as np\n"
        "image = nib.load('image.nii.gz')\n"
        "brain = (image.get_fdata() > 500).astype('u1')\n"
        f"nib.save(nib.Nifti1Image(brain, image.affine), {out})\n"
    )
    install(program, script)
    missing, run = strip(name)
    assert missing == ""
    np.testing.assert_array_equal(run().data, IMAGE.data > 500)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_missing_or_failing_program_is_named(install, monkeypatch, name):
    program, package, _ = PROGRAMS[name]
    missing, run = strip(name)
    assert missing == f"program '{program}' of {package} is not on the PATH"
    with pytest.raises(UnavailableError, match=f"'{program}' of {package}"):
        run()
    install(program, "sys.exit('no licence file')")
    with pytest.raises(ExternalError, match="exit code 1 and said: no licence file"):
        run()


def test_a_mask_of_another_shape_is_refused(install):
    script = (
        "import nibabel as nib, numpy as np\n"
        "nib.save(nib.Nifti1Image(np.ones((2, 3, 4), 'u1'), np.eye(4)), sys.argv[4])\n"
    )
    install("mri_synthstrip", script)
    with pytest.raises(ExternalError, match=r"shape \(2, 3, 4\), expected \(24, 20, 22\)"):
        strip("synthstrip")[1]()
