"""One photo to a textured, lit 3D mesh on a CPU, and the differentiable renderer that learnt it."""

from __future__ import annotations

__version__ = "0.1.0"
