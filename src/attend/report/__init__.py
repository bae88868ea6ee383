"""One page, in one file, that shows a colleague what a model has learned."""

from attend.report.report import Findings, write_report

__all__ = ["Findings", "write_report"]
