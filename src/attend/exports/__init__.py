"""Results in formats that other tools open; each format is a module, which registers itself."""

from attend.exports.coco import write_coco, write_proposals
from attend.exports.crops import crop, write_crops
from attend.exports.export import Export, export_for, exports, folders, suffixes
from attend.exports.npz import write_npz
from attend.exports.overlays import overlay, write_overlays
from attend.exports.results import AnyResults, Found, Results
from attend.exports.stored import StoredResults
from attend.exports.table import write_csv, write_parquet
from attend.exports.yolo import write_yolo

__all__ = [
    "AnyResults",
    "Export",
    "Found",
    "Results",
    "StoredResults",
    "crop",
    "export_for",
    "exports",
    "folders",
    "overlay",
    "suffixes",
    "write_coco",
    "write_crops",
    "write_csv",
    "write_npz",
    "write_overlays",
    "write_parquet",
    "write_proposals",
    "write_yolo",
]
