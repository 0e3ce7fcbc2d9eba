"""The web page: `unrender serve`, and the same page as a folder that needs no server."""

from __future__ import annotations
