"""The calls of kaolin that DIB-R scripts make: `import unrender.compat.kaolin as kal`."""

from unrender.compat.kaolin import metrics, ops, render

__all__ = ["metrics", "ops", "render"]
