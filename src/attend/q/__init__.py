"""q, the inference half: cells that look at an image one object at a time, and the loop that unrolls them."""

from attend.q.count import count_log_probs
from attend.q.unroll import Cell, Look, Trace, draw, unroll

__all__ = ["Cell", "Look", "Trace", "count_log_probs", "draw", "unroll"]
