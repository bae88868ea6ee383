"""Renderers of 3D scenes."""

from attend.render3d.camera import Camera
from attend.render3d.light import Light
from attend.render3d.shapes import Handle, Shape, shapes

__all__ = ["Camera", "Handle", "Light", "Shape", "shapes"]
