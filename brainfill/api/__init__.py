"""The Python interface: what the commands do, on paths or on images in memory."""

from brainfill.api._common import ReadConfig
from brainfill.api._fill import Done, Filled, Request, fill, fill_facts, run_fill
from brainfill.api._preprocess import (
    Preprocessed,
    PreprocessRequest,
    prepare,
    run_preprocess,
)
from brainfill.api._synthesize import (
    Synthesized,
    SynthesizeDone,
    SynthesizeRequest,
    run_synthesize,
    synthesize,
    synthesize_facts,
)
from brainfill.api._thickness import (
    Measured,
    ThicknessDone,
    ThicknessRequest,
    measure_thickness,
    run_thickness,
    thickness_key,
)
from brainfill.api._transform import TransformRequest, run_transform, transform
from brainfill.tasks.transform import TransformConfig

__all__ = [
    "Done",
    "Filled",
    "Measured",
    "PreprocessRequest",
    "Preprocessed",
    "ReadConfig",
    "Request",
    "SynthesizeDone",
    "SynthesizeRequest",
    "Synthesized",
    "ThicknessDone",
    "ThicknessRequest",
    "TransformConfig",
    "TransformRequest",
    "fill",
    "fill_facts",
    "measure_thickness",
    "prepare",
    "run_fill",
    "run_preprocess",
    "run_synthesize",
    "run_thickness",
    "run_transform",
    "synthesize",
    "synthesize_facts",
    "thickness_key",
    "transform",
]
