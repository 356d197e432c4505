"""Printed tables keep their lines on the site; other examples and outputs wrap."""

from __future__ import annotations

from typing import Any

__all__ = ["mark_printed_tables"]


def mark_printed_tables(app: Any, doctree: Any, page: str) -> None:
    """Give each literal block that holds a ruled table the class ``printed-table`` of site.css."""
    for block in doctree.findall(lambda node: node.tagname == "literal_block"):
        if "───" in block.astext():
            block["classes"].append("printed-table")
