"""Other renderers' calls, on this package's kernels: scripts written for them run here without CUDA.

`unrender.compat.kaolin` mirrors the part of kaolin that DIB-R needs, `unrender.compat.nvdiffrast.torch` all
of nvdiffrast's torch interface. Names, argument order, defaults, shapes and conventions are theirs, which are
not those of `unrender.render`; docs/migration.md lists what differs.
"""

from __future__ import annotations

from unrender.errors import MissingExtraError

try:
    import torch  # noqa: F401
except ImportError:
    raise MissingExtraError("unrender.compat needs torch; pip install 'unrender[train]'") from None
