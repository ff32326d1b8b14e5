"""Reports: one self-contained HTML page, to be read in a browser, on a phone or on paper."""

from aufruf.report.model_page import model_report, table_report
from aufruf.report.round_page import round_report

__all__ = ["model_report", "round_report", "table_report"]
