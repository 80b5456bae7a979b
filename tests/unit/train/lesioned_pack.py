"""A tiny pack of a patient and a healthy person, for tests of training painters."""

import numpy as np

from brainfill.train.lesioned import LesionedPack

SHAPE = (22, 26, 24)
DISTANCE = np.linalg.norm(
    (np.indices(SHAPE).T - (np.array(SHAPE) - 1) / 2) / (10, 12, 11), axis=-1
).T
HEAD = DISTANCE < 1
T1, FLAIR = 200, 120  # white matter
LESION_T1, LESION_FLAIR = 140, 180


def lesions():
    """Two lesions, of 27 and of 12 voxels."""
    numbers = np.zeros(SHAPE, np.int16)
    numbers[10:13, 8:11, 8:11] = 1
    numbers[10:13, 16:18, 14:16] = 2
    return numbers


def pack(**changes):
    """A patient with T1w and FLAIR, a healthy person with T1w alone, two shapes."""
    where = lesions() > 0
    patient = np.stack([HEAD * np.uint8(T1), HEAD * np.uint8(FLAIR)]).astype(np.uint8)
    patient[0][where], patient[1][where] = LESION_T1, LESION_FLAIR
    healthy = np.stack([HEAD * np.uint8(T1), np.zeros(SHAPE)]).astype(np.uint8)
    parts = {
        "names": ["sub-19", "sub-1000"],
        "contrasts": ["T1w", "FLAIR"],
        "images": [patient, healthy],
        "lesions": [lesions(), np.zeros(SHAPE, np.int16)],
        "shapes": [np.ones((2, 3, 2), bool), np.ones((1, 2, 2), bool)],
    }
    return LesionedPack(**parts | changes)
