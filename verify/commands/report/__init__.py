"""A finished run as one self-contained page."""

from verify.commands.report.page import write_report

__all__ = ["write_report"]
