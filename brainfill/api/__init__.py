"""The Python interface: what the commands do, on paths or on images in memory."""

from brainfill.api._common import ReadConfig
from brainfill.api._fill import Done, Filled, Request, fill, fill_facts, run_fill
from brainfill.api._masks import DrawnMasks, draw_mask, run_masks
from brainfill.api._masks_read import MaskRequest, PatientImages
from brainfill.api._preprocess import (
    Preprocessed,
    PreprocessRequest,
    prepare,
    run_preprocess,
)
from brainfill.api._transform import TransformRequest, run_transform, transform
from brainfill.tasks.transform import TransformConfig

__all__ = [
    "Done",
    "DrawnMasks",
    "Filled",
    "MaskRequest",
    "PatientImages",
    "PreprocessRequest",
    "Preprocessed",
    "ReadConfig",
    "Request",
    "TransformConfig",
    "TransformRequest",
    "draw_mask",
    "fill",
    "fill_facts",
    "prepare",
    "run_fill",
    "run_masks",
    "run_preprocess",
    "run_transform",
    "transform",
]
