"""Reports: one self-contained HTML page, to be read in a browser, on a phone or on paper."""

from aufruf.report.round_page import round_report

__all__ = ["round_report"]
