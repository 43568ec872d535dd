"""Pictures and videos: what a file's content says (`look`), fitting it to a story (`fit`), checking it (`validate`),
comparing it (`likeness`).

Pillow is loaded only by those who fit or check pictures, not by a sync that looks at them.
"""

from __future__ import annotations

from storyline_core.pictures.checking import Validation, advise, validate
from storyline_core.pictures.fitting import MAX_PICTURE_BYTES, STORY_SIZE, FitStyle, fit
from storyline_core.pictures.likeness import ALIKE_WITHIN, LIKENED_TYPES, LIKENESS_VERSION, likeness
from storyline_core.pictures.looks import HEAD_BYTES, LOOK_VERSION, MAX_PIXELS, TAIL_BYTES, look, look_file

__all__ = [
    "ALIKE_WITHIN",
    "HEAD_BYTES",
    "LIKENED_TYPES",
    "LIKENESS_VERSION",
    "LOOK_VERSION",
    "MAX_PICTURE_BYTES",
    "MAX_PIXELS",
    "STORY_SIZE",
    "TAIL_BYTES",
    "FitStyle",
    "Validation",
    "advise",
    "fit",
    "likeness",
    "look",
    "look_file",
    "validate",
]
