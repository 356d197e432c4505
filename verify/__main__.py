"""``python -m verify``: derive, simulate, compare, fit, draw, conclude."""

from __future__ import annotations

import sys

from verify.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
