"""Renderers of 3D scenes: solids on a table, differentiable throughout."""

from attend.render3d.camera import Camera
from attend.render3d.light import Light
from attend.render3d.shapes import Handle, Shape, shapes
from attend.render3d.table import TableRenderer

__all__ = ["Camera", "Handle", "Light", "Shape", "TableRenderer", "shapes"]
