"""What the texts cite, and how citations in a text become numbers."""

from __future__ import annotations

import re
from html import escape

from brainfill import __version__

REFERENCES = {
    "atropos": "Avants BB et al. 2011. An open source multivariate framework for n-tissue segmentation. "
    "Neuroinformatics 9:381-400. https://doi.org/10.1007/s12021-011-9109-y",
    "bet": "Smith SM 2002. Fast robust automated brain extraction. Human Brain Mapping 17:143-155. "
    "https://doi.org/10.1002/hbm.10062",
    "bland": "Bland JM, Altman DG 1986. Statistical methods for assessing agreement between two methods of clinical "
    "measurement. Lancet 327:307-310. https://doi.org/10.1016/S0140-6736(86)90837-8",
    "brainfill": f"The brainfill developers. brainfill, version {__version__}.",
    "brett": "Brett M et al. 2001. Spatial normalization of brain images with focal lesions using cost function masking. "
    "NeuroImage 14:486-500. https://doi.org/10.1006/nimg.2001.0845",
    "ddim": "Song J, Meng C, Ermon S 2021. Denoising diffusion implicit models. ICLR. https://arxiv.org/abs/2010.02502",
    "ddpm": "Ho J, Jain A, Abbeel P 2020. Denoising diffusion probabilistic models. NeurIPS. "
    "https://arxiv.org/abs/2006.11239",
    "direct": "Das SR et al. 2009. Registration based cortical thickness measurement. NeuroImage 45:867-879. "
    "https://doi.org/10.1016/j.neuroimage.2008.12.016",
    "fsl": "Battaglini M et al. 2012. Evaluating and reducing the impact of white matter lesions on brain volume "
    "measurements. Human Brain Mapping 33:2062-2071. https://doi.org/10.1002/hbm.21344",
    "hd-bet": "Isensee F et al. 2019. Automated brain extraction of multisequence MRI using artificial neural networks. "
    "Human Brain Mapping 40:4952-4964. https://doi.org/10.1002/hbm.24750",
    "icbm": "Fonov V et al. 2011. Unbiased average age-appropriate atlases for pediatric studies. NeuroImage 54:313-327. "
    "https://doi.org/10.1016/j.neuroimage.2010.07.033",
    "icc": "Shrout PE, Fleiss JL 1979. Intraclass correlations: uses in assessing rater reliability. Psychological "
    "Bulletin 86:420-428. https://doi.org/10.1037/0033-2909.86.2.420",
    "n4": "Tustison NJ et al. 2010. N4ITK: improved N3 bias correction. IEEE Transactions on Medical Imaging "
    "29:1310-1320. https://doi.org/10.1109/TMI.2010.2046908",
    "patches": "Prados F et al. 2016. A multi-time-point modality-agnostic patch-based method for lesion filling in "
    "multiple sclerosis. NeuroImage 139:376-384. https://doi.org/10.1016/j.neuroimage.2016.07.053",
    "syn": "Avants BB et al. 2008. Symmetric diffeomorphic image registration with cross-correlation. Medical Image "
    "Analysis 12:26-41. https://doi.org/10.1016/j.media.2007.06.004",
    "synthstrip": "Hoopes A et al. 2022. SynthStrip: skull-stripping for any brain image. NeuroImage 260:119474. "
    "https://doi.org/10.1016/j.neuroimage.2022.119474",
}
_CITED = re.compile(r"\[([a-z][a-z0-9-]*)\]")


def cited(text: str) -> tuple[str, list[str]]:
    """A text with numbers for its citations, and what they stand for, in order.

    >>> cited("Corrected [n4], then stripped [bet] and corrected [n4].")[0]
    'Corrected [1], then stripped [2] and corrected [1].'
    """
    keys = list(dict.fromkeys(key for key in _CITED.findall(text) if key in REFERENCES))
    numbered = _CITED.sub(
        lambda found: f"[{keys.index(found[1]) + 1}]" if found[1] in keys else found[0], text
    )
    return numbered, [REFERENCES[key] for key in keys]


def linked(reference: str) -> str:
    """A reference as HTML, its address as a link."""
    return re.sub(
        r"https://\S+", lambda found: f'<a href="{found[0]}">{found[0]}</a>', escape(reference)
    )
