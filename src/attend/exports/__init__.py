"""Results in formats that other tools open; each format is a module, which registers itself."""

from attend.exports.coco import write_coco, write_proposals
from attend.exports.counts import counts, write_counts
from attend.exports.crops import crop, write_crops
from attend.exports.detections import detections
from attend.exports.export import Export, export_for, exports, folders, suffixes
from attend.exports.geojson import write_geojson
from attend.exports.labels import write_labels
from attend.exports.measurements import measurements, write_measurements
from attend.exports.npz import write_npz
from attend.exports.overlays import overlay, write_overlays
from attend.exports.results import AnyResults, Found, Results
from attend.exports.rois import write_rois
from attend.exports.stored import StoredResults
from attend.exports.table import arrow_table, write_csv, write_parquet
from attend.exports.yolo import write_yolo

__all__ = [
    "AnyResults",
    "Export",
    "Found",
    "Results",
    "StoredResults",
    "arrow_table",
    "counts",
    "crop",
    "detections",
    "export_for",
    "exports",
    "folders",
    "measurements",
    "overlay",
    "suffixes",
    "write_coco",
    "write_counts",
    "write_crops",
    "write_csv",
    "write_geojson",
    "write_labels",
    "write_measurements",
    "write_npz",
    "write_overlays",
    "write_parquet",
    "write_proposals",
    "write_rois",
    "write_yolo",
]
