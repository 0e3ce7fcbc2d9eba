"""More time for one photo: camera, shape, texture and light are optimised against it, without torch.

from unrender.refine import Refiner
result = reconstructor("bird.jpg")
better = Refiner(reconstructor).refine(load_photo("bird.jpg"), result, "3s")
"""

from __future__ import annotations

from unrender.refine.budget import Budget, parse_budget
from unrender.refine.config import FinishConfig, RefineConfig
from unrender.refine.run import RefineProgress, Refiner

__all__ = ["Budget", "FinishConfig", "RefineConfig", "RefineProgress", "Refiner", "parse_budget"]
