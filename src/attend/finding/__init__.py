"""From images of repeated things to their objects: what kind of images they are, and a q that is adapted to it."""

from attend.finding.bank import Bank, bank
from attend.finding.finder import Finder, Learned, make_finder
from attend.finding.foreground import foregrounds, without_dark_channels
from attend.finding.hypotheses import Evidence, hypotheses
from attend.finding.kind import Kind, Natural
from attend.finding.likeness import Likeness
from attend.finding.rounds import Round, find_in, learn
from attend.finding.views import View, natural, view

__all__ = [
    "Bank",
    "Evidence",
    "Finder",
    "Kind",
    "Learned",
    "Likeness",
    "Natural",
    "Round",
    "View",
    "bank",
    "find_in",
    "foregrounds",
    "hypotheses",
    "learn",
    "make_finder",
    "natural",
    "view",
    "without_dark_channels",
]
