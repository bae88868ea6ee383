"""Renderers of 3D scenes: solids on a table, differentiable throughout, and any function that draws, as a black box."""

from attend.render3d.black_box import BlackBoxRenderer
from attend.render3d.camera import Camera
from attend.render3d.finite_differences import black_box
from attend.render3d.latents import Pose, Poses, Solids
from attend.render3d.light import Light
from attend.render3d.shapes import Handle, Shape, shapes
from attend.render3d.table import TableRenderer
from attend.render3d.worlds import worlds

__all__ = [
    "BlackBoxRenderer",
    "Camera",
    "Handle",
    "Light",
    "Pose",
    "Poses",
    "Shape",
    "Solids",
    "TableRenderer",
    "black_box",
    "shapes",
    "worlds",
]
