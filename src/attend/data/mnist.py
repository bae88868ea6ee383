"""Scenes from MNIST (LeCun, Cortes, Burges): from a path, or downloaded when asked to."""

from pathlib import Path
from typing import Any

import numpy as np
import pooch

from attend.data.composed import compose_split
from attend.data.idx import read_idx
from attend.data.scenes_file import SceneData
from attend.data.splits import Split, split_glyphs
from attend.errors import AttendError
from attend.files import read_npz

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
SHA256 = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}


def mnist(
    split: Split, *, n: int, seed: int, path: Path | None = None, download: bool = False, **options: Any
) -> SceneData:
    """Compose scenes of MNIST digits; `options` are those of `compose`.

    Args:
        split: which digits; see `mnist_glyphs`.
        n: how many scenes.
        seed: whole number.
        path: an `.npz` or a folder of IDX files; the cache of an earlier download if None.
        download: fetch what the cache lacks, with checksums.
        **options: settings of `compose`.

    Raises:
        AttendError: the digits are not there or damaged, or a setting is refused.
    """
    if path is not None and download:
        raise AttendError(f"mnist: reads {path} or downloads; give the path or download, not both")
    if download:
        fetch(split)
    if path is None and not download and not all((cache_folder() / name).is_file() for name in _official(split)):
        raise AttendError("mnist: is not on this machine; give download=True (--download), or its files as mnist:PATH")
    return compose_split("mnist", mnist_glyphs(path or cache_folder(), split), split, n, seed, options)


def mnist_glyphs(path: Path, split: Split) -> tuple[np.ndarray, np.ndarray]:
    """The digits (glyph, side, side) uint8 of a split and their classes (glyph,).

    An `.npz` with `images` and `labels` is split by `split_glyphs`. In a folder of MNIST's four IDX files,
    gzipped or not, the official test set is for testing and the last twelfth of the training set (5,000) for
    validation.

    Raises:
        AttendError: a file is missing or is not what it should be.
    """
    if not path.is_dir():
        return split_glyphs(*_read_npz_glyphs(path), split)
    images_path, labels_path = (_existing(path, name) for name in _official(split))
    images, classes = read_idx(images_path, 3), read_idx(labels_path, 1)
    if len(images) != len(classes):
        raise AttendError(f"{labels_path}: holds {len(classes)} labels for the {len(images)} images beside it")
    valid = len(images) - len(images) // 12
    part = {"train": slice(0, valid), "valid": slice(valid, None), "test": slice(None)}[split]
    return images[part], classes[part]


def cache_folder() -> Path:
    """Where downloads are kept."""
    return Path(pooch.os_cache("attend")) / "mnist"


def fetch(split: Split) -> None:
    """Download the files of a split that the cache lacks, from the first mirror that gives them intact.

    Raises:
        AttendError: no mirror does.
    """
    for name in _official(split):
        failures = []
        for mirror in MIRRORS:
            try:
                pooch.retrieve(mirror + name, f"sha256:{SHA256[name]}", fname=name, path=cache_folder())
                break
            except (OSError, ValueError) as error:  # unreachable; wrong checksum
                failures.append(f"{mirror}: {error}")
        else:
            raise AttendError(f"mnist: {name} could not be downloaded ({'; '.join(failures)})")


def _official(split: Split) -> tuple[str, str]:
    """Names of the images file and the labels file that hold a split."""
    stem = "t10k" if split == "test" else "train"
    return f"{stem}-images-idx3-ubyte.gz", f"{stem}-labels-idx1-ubyte.gz"


def _existing(folder: Path, name: str) -> Path:
    """The file, gzipped or not, in the folder."""
    for path in (folder / name, folder / name.removesuffix(".gz")):
        if path.is_file():
            return path
    raise AttendError(f"{folder}: holds no {name}, gzipped or not; it must hold MNIST's four IDX files")


def _read_npz_glyphs(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of an `.npz`, checked."""
    arrays = read_npz(path)
    for name in ("images", "labels"):
        if name not in arrays:
            raise AttendError(f"{path}: holds no {name}; a file of digits must hold images and labels")
    images, labels = arrays["images"], arrays["labels"]
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1] != images.shape[2]:
        raise AttendError(
            f"{path}: images: {images.dtype} {images.shape}; it must be uint8 (n, side, side), white on black"
        )
    if labels.dtype.kind not in "iu" or labels.shape != images.shape[:1]:
        raise AttendError(f"{path}: labels: {labels.dtype} {labels.shape}; it must be integers ({len(images)},)")
    return images, labels
