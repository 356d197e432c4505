"""A finished run becomes one self-contained page."""

from verify.report.page import write_report

__all__ = ["write_report"]
