"""`kaolin.render`."""

from unrender.compat.kaolin.render import camera, lighting, mesh

__all__ = ["camera", "lighting", "mesh"]
