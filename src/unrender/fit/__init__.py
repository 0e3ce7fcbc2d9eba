"""Several photos of one object, with masks and cameras, to a textured mesh: analysis by synthesis.

from unrender.fit import fit
result = fit(load_capture("scan/"))
result.export("scan.glb")
"""

from __future__ import annotations

from unrender.fit.config import FitConfig, LossWeights, Stage
from unrender.fit.result import FitResult, score_views
from unrender.fit.run import Progress, fit

__all__ = ["FitConfig", "FitResult", "LossWeights", "Progress", "Stage", "fit", "score_views"]
