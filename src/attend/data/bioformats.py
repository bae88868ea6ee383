"""Formats of microscopes that the package `bioio` and its plugins read."""

import logging
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from attend.data.stack import Stack
from attend.errors import AttendError

PLUGINS = {".lif": "bioio-lif", ".nd2": "bioio-nd2", ".zarr": "bioio-ome-zarr", ".czi": "bioio-czi"}
"""The plugin that reads files, or with `.zarr` folders, of a suffix."""

APART = ("bioio-czi",)
"""Plugins that the extra leaves out: their licence, the GPL, asks more of who passes them on than ours."""

logging.getLogger("bioio").addHandler(logging.NullHandler())  # else which readers it tried goes to stderr


def is_known(path: str | Path) -> bool:
    """Whether a file, or a folder that is one picture, has such a format by its suffix."""
    return Path(path).suffix.lower() in PLUGINS


def read(path: Path, check: Any) -> list[Stack]:
    """The scenes of a file, each a stack with the axes, channel names and pixel size that `bioio` tells.

    Args:
        path: for which `is_known` holds.
        check: called with the number of planes of a scene, their height and width, and bytes a pixel, before they
            are read.

    Raises:
        AttendError: `bioio` or the plugin is missing; the line says what to install.
    """
    plugin = PLUGINS[path.suffix.lower()]
    beside = f" {plugin}" if plugin in APART else ""
    missing = f"is a {path.suffix[1:].upper()} file, which needs: pip install 'attend[microscopy]'{beside}"
    try:
        from bioio import BioImage  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise AttendError(missing) from error
    try:
        image = BioImage(path)
    except Exception as error:
        if find_spec(plugin.replace("-", "_")) is None:
            raise AttendError(missing) from error
        raise
    stacks = []
    for scene in image.scenes:
        image.set_scene(scene)
        axes, shape = str(image.dims.order), tuple(image.shape)
        height, width = shape[axes.index("Y")], shape[axes.index("X")]
        check(int(np.prod(shape)) // (height * width), height, width, np.dtype(image.dtype).itemsize)
        pixels = np.asarray(image.data)
        last = [axes.index(axis) for axis in "YXS" if axis in axes]
        pixels = np.moveaxis(pixels, last, range(-len(last), 0))
        pixels = pixels[..., :3] if "S" in axes else pixels[..., None]
        if pixels.shape[-1] not in (1, 3):
            raise AttendError(f"holds {pixels.shape[-1]} samples a pixel; they must be grey or RGB")
        size = image.physical_pixel_sizes
        pixel_um = (float(size.Y), float(size.X)) if size.Y and size.X else None
        names = tuple(str(name) for name in image.channel_names or ())
        stacks.append(Stack(pixels, "".join(axis for axis in axes if axis not in "YXS"), names, pixel_um))
    return stacks
