"""A lesion carried from one phantom to another with a real registration, of a second or two."""

import numpy as np
import pytest

from brainfill.core.volume import LabelMap, Mask, Scan
from brainfill.preprocess import ventricles
from brainfill.preprocess.registration import Registration
from brainfill.preprocess.transforms import linear_transform
from brainfill.tasks.masks import transfer
from brainfill.tasks.masks._base import Patient, draw

# Where the other brain is seen: turned by 6 degrees, a little larger, moved by some millimetres.
MOVE = np.array([[1.03, 0.1, 0, 7], [-0.1, 1.02, 0.03, -5], [0, -0.03, 0.98, 6], [0, 0, 0, 1]])


@pytest.fixture
def person(brain, brain_grids):
    def make(name, move=None):
        image = brain(brain_grids[name], move)
        labels = np.digitize(image.data, [1, 350, 560])
        inside = Mask(image.data > 0, image.grid)
        return Scan(name, {"T1w": image}, brain=inside, labels=LabelMap(labels, image.grid))

    return make


@pytest.fixture(autouse=True)
def where_the_template_is(monkeypatch, person):
    """The patient is in MNI space, and its own fluid is the template's ventricles: only people are registered here."""
    to_other, back = linear_transform(np.linalg.inv(MOVE)), linear_transform(MOVE)
    monkeypatch.setattr(transfer, "to_template", lambda found, ctx: Registration(to_other, back))
    labels = person("RAS").labels
    monkeypatch.setattr(ventricles, "mni_ventricles", lambda: Mask(labels.data == 1, labels.grid))


@pytest.mark.parametrize("drawn_deeper_mm", [0, 6])
def test_a_lesion_goes_where_it_belongs(person, ctx, drawn_deeper_mm):
    patient, other = person("RAS"), person("LPS", MOVE)
    xyz = patient.grid.to_world(np.argwhere(np.ones(patient.grid.shape, bool)).astype(float))
    middle = np.array([-20.0, 30 - drawn_deeper_mm, 5])
    ball = (np.linalg.norm(xyz - middle, axis=1) < 11).reshape(patient.grid.shape)
    lesion = Mask(ball & (patient.labels.data == 3), patient.grid)
    config = transfer.Config(effort="fast", threads=1)
    result = draw("transfer", other, Patient(patient, lesion), config, ctx)
    (row,) = result.tables["components"]
    assert (row["outcome"], row["reason"]) == ("rigid", None)
    assert row["volume_ml"] == pytest.approx(lesion.volume_ml(), abs=0.07)
    # A voxel of the other brain shows what the patient has at MOVE of its position.
    found = np.array([row[f"{a}_mm"] for a in "xyz"]) @ MOVE[:3, :3].T + MOVE[:3, 3]
    centre = xyz[lesion.data.ravel()].mean(axis=0)
    assert np.linalg.norm(found - centre) < 7.5  # a voxel and a half
