"""Any data that a command takes, by name or by path."""

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from attend.data.augment import Augment
from attend.data.digits import digits
from attend.data.entries import entries, is_there
from attend.data.images import on_dark_ground, read_images
from attend.data.mnist import mnist
from attend.data.omniglot import omniglot
from attend.data.rules import Reading, Rules
from attend.data.scenes_file import SceneData
from attend.data.shuffled import ShuffledImages
from attend.data.splits import DEFAULT_N, check_split
from attend.data.sprites import sprites
from attend.data.stream import SURVEYED, ImageStream
from attend.data.tabletop import DEFAULTS, table_scenes
from attend.errors import AttendError
from attend.registry import Registry

datasets: Registry[Callable[..., SceneData]] = Registry("data set")
"""Data sets by name: each a function `(split, *, n, seed, path, download, **options) -> SceneData`."""

datasets.register("digits")(digits)
datasets.register("mnist")(mnist)
datasets.register("omniglot")(omniglot)
datasets.register("sprites")(sprites)
for _world in DEFAULTS:
    datasets.register(_world)(partial(table_scenes, world=_world))

_FINITE = ("omniglot",)  # their scenes are not composed: unless fewer are asked for, they give all they have


def load(
    source: str | Path,
    *,
    split: str = "train",
    n: int | None = None,
    seed: int = 0,
    rules: Rules | None = None,
    **options: Any,
) -> SceneData:
    """Scenes from a data set or from files.

    Args:
        source: `digits`; `sprites`; `mnist` and `omniglot` (from the cache of an earlier download, unless
            `download=True`); `mnist:PATH`, an `.npz` with `images` and `labels` or a folder of MNIST's IDX
            files; `omniglot:PATH`, a folder of Omniglot's zips or one of them; or the path of a scenes file
            (`.npz`), or of images as `read_images` takes them: of one, of a folder, a pattern, a list of paths
            (`.txt`), an archive (`.zip`, `.tar`), Parquet files, or a Hugging Face data set saved on disk. A name wins
            over a path; write `./digits` for a folder of that name.
        split: `train`, `valid` or `test`. Files have no splits: every split is the whole of them, except that a
            Hugging Face data set may have some.
        n: how many scenes; of a path, the first n. If None, 60,000 for training, 1,000 for validation, 10,000
            for testing, and all that a path or Omniglot holds.
        seed: whole number; each split draws its own scenes from it.
        rules: how images are read from files, such as those of an earlier reading; a data set by name and, but for
            the ground, a scenes file have no use for them.
        **options: of a data set: `download`, the settings of `compose` but for `grounds`, and `photographs`, which
            puts digits in colours on pieces of photographs (`digits`, `mnist`); those of `draw_sprites`
            (`sprites`), or `canvas` (`omniglot`). Of a path: single `rules` by name, such as `resize=(50, 50)`; a
            scenes file takes only `ground`.

    Raises:
        AttendError: the source is unknown, missing or damaged, or an option is refused; the line says which.
    """
    check_split(split)
    if n is not None and n < 1:
        raise AttendError(f"n: {n} scenes were asked for; it must be 1 or more")
    name, _, path = str(source).partition(":")
    if name in datasets:
        where = {"path": Path(path).expanduser()} if path else {}
        if n is None and name not in _FINITE:
            n = DEFAULT_N[split]
        return datasets[name](split, n=n, seed=seed, **where, **options)
    data = _read(str(Path(source).expanduser()), split, rules or Rules(), options)
    if n is not None and n > len(data):
        raise AttendError(f"{source}: holds {len(data)} scenes; n is {n} and must not be more")
    return data[:n]


def open_stream(
    source: str | Path,
    size: tuple[int, int, int],
    *,
    large: bool = False,
    split: str = "train",
    rules: Rules | None = None,
    **options: Any,
) -> ImageStream | None:
    """The images of files in pieces, or None if the source is a data set by name or a scenes file.

    Args:
        source: as of `load`.
        size: height, width and channels of the model that they are for.
        large: whether images may have other sizes.
        split: of a Hugging Face data set with several.
        rules: how images are read from files.
        **options: single rules by name.

    Raises:
        AttendError: as of `load`.
    """
    path = str(Path(source).expanduser())
    if str(source).partition(":")[0] in datasets or _is_scenes_file(path):
        return None
    followed = _rules(path, rules or Rules(), options)
    images = ImageStream(path, entries(path, split), followed, size, large)
    if options.get("range") and len(images.entries) <= SURVEYED and images.surveyed.rules.range is None:
        raise AttendError(_no_deep_image(path))
    return images


def open_shuffled(
    source: str | Path,
    *,
    n: int | None = None,
    split: str = "train",
    rules: Rules | None = None,
    random_crop: tuple[int, int] | None = None,
    flip: str | None = None,
    **options: Any,
) -> ShuffledImages | None:
    """The images of files to learn from, not read yet; None if the source is a data set by name or a scenes file.

    Args:
        source: as of `load`.
        n: how many files, the first ones; all if None.
        split: of a Hugging Face data set with several.
        rules: how images are read from files.
        random_crop: height and width in pixels of a part that is cut out of each image, anywhere, anew in each epoch.
        flip: `horizontal`, `vertical` or `both`: images are mirrored so at random, anew in each epoch.
        **options: single rules by name, such as `resize=(64, 64)`.

    Raises:
        AttendError: as of `load`, or an augmentation is out of range.
    """
    if n is not None and n < 1:
        raise AttendError(f"n: {n} files were asked for; it must be 1 or more")
    path = str(Path(source).expanduser())
    if str(source).partition(":")[0] in datasets or _is_scenes_file(path):
        return None
    followed, files = _rules(path, rules or Rules(), options), entries(path, split)
    if n is not None and n > len(files):
        raise AttendError(f"{source}: holds {len(files)} files; n is {n} and must not be more")
    return ShuffledImages(path, files if n is None else files.part(0, n), followed, Augment(random_crop, flip))


def _is_scenes_file(source: str) -> bool:
    return Path(source).suffix == ".npz"


def _rules(source: str, rules: Rules, options: dict[str, Any]) -> Rules:
    """The rules with those changed that are among the options, if the source is there and takes them."""
    if not is_there(source):
        known = f"{', '.join(datasets)}, mnist:PATH, omniglot:PATH"
        raise AttendError(f"{source}: is neither a data set ({known}) nor an existing file or folder")
    taken = ["ground"] if _is_scenes_file(source) else [field.name for field in dataclasses.fields(Rules)]
    unknown = [option for option in options if option not in taken]
    if unknown:
        kind = "scenes file" if _is_scenes_file(source) else "path"
        raise AttendError(f"{source}: a {kind} takes no option {unknown[0]!r}; it takes {', '.join(taken)}")
    return rules.changed(**options)


def _read(source: str, split: str, rules: Rules, options: dict[str, Any]) -> SceneData:
    """A scenes file, or images."""
    rules = _rules(source, rules, options)
    if _is_scenes_file(source):
        read = Reading(Rules(ground=rules.ground))
        return on_dark_ground(dataclasses.replace(SceneData.load(source), reading=read))
    data = read_images(source, rules, split=split)
    if options.get("range") and data.reading and data.reading.rules.range is None:
        raise AttendError(_no_deep_image(source))
    return data


def _no_deep_image(source: str) -> str:
    return f"range: {source} has no image of more than 8 bits; leave it out, those of 8 bits span 0 to 255"
