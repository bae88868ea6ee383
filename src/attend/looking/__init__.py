"""Find the objects in any number of images, piece by piece, so that a process that is killed can go on.

`look` gives `Results`, a piece at a time; `look_into` writes them as a file or a folder. The images may come from files
or from memory (`open_source`), and whatever turns a piece of them into `Scenes` may look at them (`Looker`). What
first learns from the images is in `attend.looking.finding`, which is not imported here, since that takes long.
"""

from attend.looking.found import Found, read_found
from attend.looking.kept import check_unfinished
from attend.looking.looker import Looker, ModelLooker, TiledLooker, finder_file, looker_of
from attend.looking.piecewise import Totals, check_out, look, look_into, results
from attend.looking.source import Source, as_known, open_source

__all__ = [
    "Found",
    "Looker",
    "ModelLooker",
    "Source",
    "TiledLooker",
    "Totals",
    "as_known",
    "check_out",
    "check_unfinished",
    "finder_file",
    "look",
    "look_into",
    "looker_of",
    "open_source",
    "read_found",
    "results",
]
