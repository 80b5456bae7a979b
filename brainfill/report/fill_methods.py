"""What a fill did, in the words of a paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_METHODS = {
    "diffusion": "A first fill was predicted from patches of the same scan that look most alike [patches], and corrected "
    "by a 3-D network trained as a denoising diffusion model on healthy brains [ddpm]{model}{sampling}.",
    "patch": "Each voxel was predicted from patches of the same scan that look most alike, the border first [patches].",
    "localmean": "Each voxel became the Gaussian-weighted mean of the normal-appearing tissue around its lesion.",
    "histogram": "Values were drawn from the intensities of the tissue around each lesion, and blended in at its border.",
    "harmonic": "Values are the solution of Laplace's equation with the tissue around each lesion as its border.",
    "fsl": "Values were drawn from the tissue at each lesion's border by lesion_filling of FSL [fsl].",
    "niftyseg": "Values were found by the non-local patches of seg_FillLesions of NiftySeg [patches].",
}
_SAMPLERS = {"ddim": " [ddim]"}


def methods(facts: Mapping[str, Any]) -> str:
    """Sentences about a fill, from its record; citations as "[key]"."""
    arguments = facts["BrainfillArguments"]
    name = facts["Method"]
    how = _METHODS.get(name, f"The method was {name}.")
    if name == "diffusion":
        how = how.format(model=_model(facts), sampling=_sampling(facts))
    count = facts["LesionCount"]
    lesions = "lesion" if count == 1 else "lesions"
    return " ".join(
        part
        for part in (
            f"{count} {lesions} of together {facts['LesionVolumeML']:.2f} ml were replaced in the T1-weighted image with "
            f"brainfill {facts['GeneratedBy']['Version']} [brainfill].",
            _rim(facts)
            if "Rim" in facts
            else _grown(arguments["dilate"], feather=arguments["feather"]),
            "The scan was stripped, corrected for bias [n4] and registered to MNI space [icbm] for filling, and the fill "
            "brought back."
            if arguments.get("space") == "mni"
            else "",
            how,
            *_companions(facts),
            "Voxels outside the mask that was filled are those of the scan.",
        )
        if part
    )


def _companions(facts: Mapping[str, Any]) -> list[str]:
    """What other images of the person did."""
    contrasts = facts.get("Contrasts", {})
    compared = [name for name, about in contrasts.items() if about["Compared"]]
    also = [name for name, about in contrasts.items() if "FilledVoxels" in about]
    said = []
    if compared:
        said.append(f"Patches were compared in {' and '.join(compared)} as well.")
    if also:
        said.append(
            f"{' and '.join(also)} {'was' if len(also) == 1 else 'were'} filled over the same lesions from patches of its own, "
            "which were compared with the filled T1 as well."
        )
    return said


def _rim(facts: Mapping[str, Any]) -> str:
    rim = facts["Rim"]
    if not rim["VoxelsJudged"]:
        return ""
    least, median, most = rim["ReachMM"]
    return (
        f"How far each lesion reaches beyond its mask was judged from the deviation of the surrounding {rim['VoxelsJudged']} "
        f"voxels of the {rim['Contrast']} image from the tissue expected there: {least:g} to {most:g} mm, median {median:g} mm "
        f"(point spread of {rim['WidthMM']:.2g} mm); {rim['VoxelsFilled']} of these voxels were filled with the lesions."
    )


def _grown(reach_mm: float, *, feather: bool) -> str:
    if not reach_mm:
        return ""
    blended = ", and fill and scan were blended there" if feather else ""
    return f"The lesion mask was first grown by {reach_mm:g} mm, at least one voxel, inside the head{blended}."


def _model(facts: Mapping[str, Any]) -> str:
    model = facts.get("Model")
    return f" (model {model['name']}, SHA-256 {model['sha256'][:12]})" if model else ""


def _sampling(facts: Mapping[str, Any]) -> str:
    sampler, steps, samples = (facts.get(k) for k in ("Sampler", "Steps", "Samples"))
    if not samples:
        quality = facts["BrainfillArguments"].get("quality", "balanced")
        return f"; the fill is its best guess ({quality} effort)"
    joined = facts["BrainfillArguments"].get("aggregate", "mean")
    what = "one sample" if samples == 1 else f"the {joined} of {samples} samples"
    size = "step" if steps == 1 else "steps"
    cite = _SAMPLERS.get(str(sampler), "")
    return f"; the fill is {what} drawn in {steps} {size} by the sampler {sampler}{cite}"
