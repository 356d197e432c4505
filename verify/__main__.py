"""``python -m verify`` derives, simulates, compares, fits, draws and concludes."""

from __future__ import annotations

import os
import sys

from theory.command import own_streams
from verify.cli import main

__all__ = ["command"]


def command() -> int:
    """``python -m verify`` and the script ``mup-verify``."""
    own_streams()
    os.environ.pop("MPLBACKEND", None)  # it opens no window, and another's keeps Matplotlib shut
    return main()


if __name__ == "__main__":
    sys.exit(command())
