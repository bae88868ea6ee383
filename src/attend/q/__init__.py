"""q, the inference half: cells that look at an image one object at a time, and the loop that unrolls them."""

from attend.q.backdrop import BackdropEncoder, WithBackdrop
from attend.q.cell import Cell, Look, cells, draw
from attend.q.count import count_log_probs
from attend.q.glance import GlanceCell, GlanceSettings
from attend.q.heads import GlimpseEncoder
from attend.q.lstm import LSTMCell, LSTMSettings
from attend.q.unroll import Trace, unroll

__all__ = [
    "BackdropEncoder",
    "Cell",
    "GlanceCell",
    "GlanceSettings",
    "GlimpseEncoder",
    "LSTMCell",
    "LSTMSettings",
    "Look",
    "Trace",
    "WithBackdrop",
    "cells",
    "count_log_probs",
    "draw",
    "unroll",
]
