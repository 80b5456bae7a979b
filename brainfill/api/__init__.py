"""The Python interface: what the commands do, on paths or on images in memory."""

from brainfill.api._common import ReadConfig
from brainfill.api._compare import (
    Compared,
    CompareRequest,
    compare,
    compared_people,
    run_compare,
)
from brainfill.api._fill import (
    CONTRASTS,
    Done,
    Filled,
    Request,
    check_fill,
    fill,
    fill_facts,
    run_fill,
)
from brainfill.api._fill_visits import fill_visits, run_visits
from brainfill.api._info import info
from brainfill.api._masks import DrawnMasks, draw_mask, run_masks
from brainfill.api._masks_read import MaskRequest, PatientImages
from brainfill.api._preprocess import (
    Preprocessed,
    PreprocessRequest,
    prepare,
    run_preprocess,
)
from brainfill.api._report import (
    fill_report_part,
    page,
    preprocess_report_part,
    visits_report_parts,
)
from brainfill.api._smooth import (
    SmoothDone,
    Smoothed,
    SmoothRequest,
    run_smooth,
    smooth,
    smooth_facts,
)
from brainfill.api._study import MANIFEST, StudyRequest, case_files, run_score, run_study
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
from brainfill.study.config import StudyConfig
from brainfill.tasks.transform import TransformConfig

__all__ = [
    "CONTRASTS",
    "MANIFEST",
    "CompareRequest",
    "Compared",
    "Done",
    "DrawnMasks",
    "Filled",
    "MaskRequest",
    "Measured",
    "PatientImages",
    "PreprocessRequest",
    "Preprocessed",
    "ReadConfig",
    "Request",
    "SmoothDone",
    "SmoothRequest",
    "Smoothed",
    "StudyConfig",
    "StudyRequest",
    "SynthesizeDone",
    "SynthesizeRequest",
    "Synthesized",
    "ThicknessDone",
    "ThicknessRequest",
    "TransformConfig",
    "TransformRequest",
    "case_files",
    "check_fill",
    "compare",
    "compared_people",
    "draw_mask",
    "fill",
    "fill_facts",
    "fill_report_part",
    "fill_visits",
    "info",
    "measure_thickness",
    "page",
    "prepare",
    "preprocess_report_part",
    "run_compare",
    "run_fill",
    "run_masks",
    "run_preprocess",
    "run_score",
    "run_smooth",
    "run_study",
    "run_synthesize",
    "run_thickness",
    "run_transform",
    "run_visits",
    "smooth",
    "smooth_facts",
    "synthesize",
    "synthesize_facts",
    "thickness_key",
    "transform",
    "visits_report_parts",
]
