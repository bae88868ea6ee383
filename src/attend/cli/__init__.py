"""The command line, on top of everything else: `attend COMMAND ...`."""

from attend.cli.entry import main

__all__ = ["main"]
