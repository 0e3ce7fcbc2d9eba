"""`kaolin.metrics`."""

from unrender.compat.kaolin.metrics import render

__all__ = ["render"]
