"""The errors this package raises on purpose.

Every message says which argument or file is meant, what was expected, what came, and what to do about it.
The command line prints the message of an `UnrenderError` on one line and exits with status 2.
"""

from __future__ import annotations


class UnrenderError(Exception):
    """Base class of all errors raised on purpose."""


class InputError(UnrenderError, ValueError):
    """An argument has the wrong type, shape, dtype, range or frame."""


class ImageError(UnrenderError, ValueError):
    """A picture or mask file cannot be used: missing, empty, broken, too large, or without an object."""


class MeshError(UnrenderError, ValueError):
    """A mesh file or array cannot be used."""


class OutputError(UnrenderError, OSError):
    """An output file cannot be written; nothing partial is left behind."""


class ModelError(UnrenderError, RuntimeError):
    """Model weights are missing, damaged, or do not fit this version."""


class ConfigError(UnrenderError, ValueError):
    """A training or evaluation configuration is not valid."""


class MissingExtraError(UnrenderError, ImportError):
    """A feature needs an optional dependency; the message names the extra to install."""
