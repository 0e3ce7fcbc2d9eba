"""`kaolin.ops`."""

from unrender.compat.kaolin.ops import mesh

__all__ = ["mesh"]
