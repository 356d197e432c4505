"""``python -m verify`` derives, simulates, compares, fits, draws and concludes."""

from __future__ import annotations

import os
import sys

from theory.command import own_streams
from verify.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    own_streams()
    os.environ.pop("MPLBACKEND", None)  # it opens no window, and another's keeps Matplotlib shut
    sys.exit(main())
