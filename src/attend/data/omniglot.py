"""Omniglot (Lake, Salakhutdinov, Tenenbaum 2015): each scene one handwritten character, its objects the pen strokes."""

import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pooch
from PIL import Image

from attend.data.resize import resize_matrix
from attend.data.scenes_file import SceneData
from attend.data.splits import SPLITS, Split, check_options
from attend.errors import AttendError

ADDRESS = "https://github.com/brendenlake/omniglot/raw/057f034baf2ecb8530bc5710e5a23584d2a519cc/python/"
SHA256 = {
    "images_background.zip": "ad41ab679c8b5d90b271ef46be6987cc81211774a695c29dcc5367b2b26ee640",
    "images_evaluation.zip": "1f61a8f3366785b057fc117d9228e78a16e3d976c8953b2a10fcc74cf0609cee",
    "strokes_background.zip": "c1e445d158fd74b6adf81f1387ebe051f5a23923bdb0c16f539d6e707ce056d4",
    "strokes_evaluation.zip": "17185a39049e62d6e6a26070fa5c58e5ce7dbaff826a9f78595bdd7881d2070b",
}
SIDE = 105
"""Width and height of the original drawings in pixels."""

_MEMBER = re.compile(r"(?:^|/)([^/]+/character\d+/\d+_\d+)\.(png|txt)$")
_OFFICIAL_TEST = "images_evaluation/"
_TEST_SHARE = 5  # without the official test set, one alphabet in so many, rounded up, is for testing
_LAST_TRAIN_DRAWER = 18  # of 20


def omniglot(
    split: Split, *, n: int | None, seed: int, path: Path | None = None, download: bool = False, **options: Any
) -> SceneData:
    """Drawings of characters, white on black, in an order that the seed shuffles.

    Counts are the recorded numbers of pen strokes, where the stroke files are there (a few jittering pens give
    ten and more); boxes and labels there are none. `names` tell alphabet, character and drawing:
    `Greek/character01/0394_05` is the fifth drawer's.

    Testing is on alphabets of its own: those of `images_evaluation`, or if that is not there, the last fifth by
    name. Of every other alphabet, the drawings by drawers 19 and 20 are for validation, those by drawers 1 to
    18 for training.

    Args:
        split: which drawings.
        n: how many of them; all if None.
        seed: whole number.
        path: a zip with the drawings, or a folder of zips, whatever their names: of drawings (PNG) and, for the
            counts, of strokes (text). The cache of an earlier download if None.
        download: fetch what the cache lacks of the whole of Omniglot, with checksums.
        **options: `canvas`, width and height of a scene in pixels (50).

    Raises:
        AttendError: the drawings are not there, too few or damaged, or a setting is refused.
    """
    check_options("omniglot", options, ("canvas",))
    canvas = options.get("canvas", 50)
    if canvas < 1:
        raise AttendError(f"canvas: {canvas}; it must be 1 pixel or more")
    if seed < 0:
        raise AttendError(f"seed: {seed} is negative; it must be 0 or more")
    if path is not None and download:
        raise AttendError(f"omniglot: reads {path} or downloads; give the path or download, not both")
    if download:
        fetch()
    if path is None and not download and not all((cache_folder() / name).is_file() for name in SHA256):
        raise AttendError(
            "omniglot: is not on this machine; give download=True (--download), or its zips as omniglot:PATH"
        )
    path = path or cache_folder()
    with ExitStack() as stack:
        drawings, strokes = _find(path, stack)
        names = _names_of(split, drawings)
        if not names:
            raise AttendError(f"{path}: holds no drawing for the {split} split")
        if n is not None and n > len(names):
            raise AttendError(f"{path}: the {split} split holds {len(names)} drawings; n is {n} and must not be more")
        counted = [name in strokes for name in names]
        if any(counted) and not all(counted):
            raise AttendError(
                f"{path}: holds no strokes of {names[counted.index(False)]}; all drawings must have them, or none"
            )
        order = np.random.default_rng((seed, SPLITS.index(split))).permutation(len(names))[:n]
        names = [names[index] for index in order]
        shrink = resize_matrix(SIDE, canvas)
        images = np.zeros((len(names), canvas, canvas, 1), np.uint8)
        for image, name in zip(images, names, strict=True):
            image[..., 0] = np.floor(shrink @ _read_ink(drawings[name]) @ shrink.T + 0.5)
        counts = np.array([_count_strokes(strokes[name]) for name in names], np.int64) if any(counted) else None
    return SceneData(images, counts, names=tuple(names))


def cache_folder() -> Path:
    """Where downloads are kept."""
    return Path(pooch.os_cache("attend")) / "omniglot"


def fetch() -> None:
    """Download the files that the cache lacks.

    Raises:
        AttendError: one cannot be had, or not intact.
    """
    for name, checksum in SHA256.items():
        try:
            pooch.retrieve(ADDRESS + name, f"sha256:{checksum}", fname=name, path=cache_folder())
        except (OSError, ValueError) as error:  # unreachable; wrong checksum
            raise AttendError(f"omniglot: {name} could not be downloaded ({error})") from error


class _Member(NamedTuple):
    """A file in an open zip."""

    archive: zipfile.ZipFile
    name: str

    def __str__(self) -> str:
        """Where it is, for messages."""
        return f"{self.archive.filename}: {self.name}"

    def read(self) -> bytes:
        """Its content; AttendError when it is damaged."""
        try:
            return self.archive.read(self.name)
        # What zipfile raises on a damaged, encrypted or unknown kind of member.
        except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise AttendError(f"{self}: cannot be read ({error}); the zip must be intact") from error


def _find(path: Path, stack: ExitStack) -> tuple[dict[str, _Member], dict[str, _Member]]:
    """Drawings and stroke files by alphabet/character/drawing; `stack` keeps their zips open."""
    if not path.exists():
        raise AttendError(f"{path}: no such file or folder")
    found: dict[str, dict[str, _Member]] = {"png": {}, "txt": {}}
    for file in sorted(path.glob("*.zip")) if path.is_dir() else [path]:
        try:
            archive = stack.enter_context(zipfile.ZipFile(file))
        except (OSError, zipfile.BadZipFile) as error:
            raise AttendError(f"{file}: cannot be read as a zip ({error})") from error
        for member in archive.namelist():
            if match := _MEMBER.search(member):
                found[match[2]][match[1]] = _Member(archive, member)
    if not found["png"]:
        raise AttendError(
            f"{path}: holds no drawing; it must be a zip of files such as Greek/character01/0394_01.png, "
            "or a folder with such zips"
        )
    return found["png"], found["txt"]


def _names_of(split: Split, drawings: Mapping[str, _Member]) -> list[str]:
    """The drawings of a split, in order of their names."""
    alphabets = sorted({_alphabet(name) for name in drawings})
    official = {_alphabet(name) for name, member in drawings.items() if _OFFICIAL_TEST in member.name}
    test = official or set(alphabets[len(alphabets) - -(-len(alphabets) // _TEST_SHARE) :])

    def split_of(name: str) -> Split:
        if _alphabet(name) in test:
            return "test"
        return "train" if int(name.rpartition("_")[2]) <= _LAST_TRAIN_DRAWER else "valid"

    return sorted(name for name in drawings if split_of(name) == split)


def _alphabet(name: str) -> str:
    """The alphabet in the name of a drawing."""
    return name.partition("/")[0]


def _read_ink(member: _Member) -> np.ndarray:
    """Pixels (SIDE, SIDE) of a drawing, 255 where there is ink."""
    content = member.read()
    try:
        with Image.open(io.BytesIO(content)) as image:
            pixels = np.asarray(image.convert("L"))
    except Exception as error:  # decoders raise anything at all on damaged files
        raise AttendError(f"{member}: cannot be read as an image ({error})") from error
    if pixels.shape != (SIDE, SIDE):
        raise AttendError(f"{member}: is {pixels.shape[1]}x{pixels.shape[0]} pixels; it must be {SIDE}x{SIDE}")
    return 255.0 - pixels


def _count_strokes(member: _Member) -> int:
    """Strokes in a stroke file: lines `x,y,t`, with `BREAK` at the end of each stroke."""
    count = sum(b"," in stroke for stroke in member.read().split(b"BREAK"))
    if not count:
        raise AttendError(f"{member}: holds no stroke; it must hold lines x,y,t, with BREAK at the end of a stroke")
    return count
