"""The renderer of the experiments on a table."""

from attend.errors import AttendError
from attend.p import Generative, TableRenderer

QUICK_MODEL = {"cell_widths": (16, 24, 24), "encoder_widths": (64,), "glimpse": 16}
"""Settings of the small q of a quick run."""


def table_of(p: Generative) -> TableRenderer:
    """p's renderer, which is that of a table."""
    if not isinstance(p.renderer, TableRenderer):
        raise AttendError(f"renderer: is {type(p.renderer).__name__}; this experiment needs a TableRenderer")
    return p.renderer
