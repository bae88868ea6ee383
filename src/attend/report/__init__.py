"""One page, in one file, that shows a colleague what a model has learned or found."""

from attend.report.found import write_found_report
from attend.report.report import Findings, write_report

__all__ = ["Findings", "write_found_report", "write_report"]
