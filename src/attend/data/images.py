"""Read one image file, or a folder of them."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from attend.data.scenes_file import SceneData
from attend.errors import AttendError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")


def read_images(path: str | Path) -> SceneData:
    """The images of a file, or of a folder in order of their names; other files in the folder are left alone.

    They come out grey if all of them are (red = green = blue everywhere), else as RGB. What is transparent is
    put on black; 16-bit grey is reduced to 8 bits.

    Raises:
        AttendError: there is no image, one cannot be decoded, or two differ in size; the line names the file.
    """
    path = Path(path)
    paths = [path]
    if path.is_dir():
        paths = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
        if not paths:
            raise AttendError(f"{path}: holds no image; there must be at least one of {', '.join(SUFFIXES)}")
    images = []
    for p in paths:
        images.append(_read_image(p))
        if images[-1].shape[:2] != images[0].shape[:2]:
            (h0, w0), (h, w) = images[0].shape[:2], images[-1].shape[:2]
            raise AttendError(f"{paths[0]} is {w0}x{h0} pixels but {p} is {w}x{h}; all images must have one size")
    channels = max(image.shape[2] for image in images)
    stacked = np.stack([np.broadcast_to(image, (*image.shape[:2], channels)) for image in images])
    return SceneData(stacked, names=tuple(p.name for p in paths))


def _read_image(path: Path) -> UInt8[np.ndarray, "height width channel"]:
    """One image, grey by content or RGB."""
    try:
        with Image.open(path) as image:
            frames = getattr(image, "n_frames", 1)
            image.load()
            if image.mode.startswith("I"):
                pixels = np.clip(np.asarray(image, np.int64) >> 8, 0, 255).astype(np.uint8)[..., None]
            elif image.has_transparency_data:
                black = Image.new("RGBA", image.size, (0, 0, 0, 255))
                pixels = np.asarray(Image.alpha_composite(black, image.convert("RGBA")))[..., :3]
            else:
                pixels = np.asarray(image.convert("RGB"))
            mode = image.mode
    except Exception as error:  # decoders raise anything at all on damaged files
        raise AttendError(f"{path}: cannot be read as an image ({error})") from error
    if frames > 1:
        raise AttendError(f"{path}: holds {frames} images; it must hold one")
    if mode == "F":
        raise AttendError(f"{path}: holds floating-point pixels; they must be 8-bit or 16-bit")
    grey = (pixels == pixels[..., :1]).all()
    return pixels[..., :1] if grey else pixels
