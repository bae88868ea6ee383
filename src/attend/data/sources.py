"""Any data that a command takes, by name or by path."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from attend.data.digits import digits
from attend.data.images import read_images
from attend.data.mnist import mnist
from attend.data.omniglot import omniglot
from attend.data.scenes_file import SceneData
from attend.data.splits import DEFAULT_N, check_split
from attend.data.sprites import sprites
from attend.errors import AttendError
from attend.registry import Registry

datasets: Registry[Callable[..., SceneData]] = Registry("data set")
"""Data sets by name: each a function `(split, *, n, seed, path, download, **options) -> SceneData`."""

datasets.register("digits")(digits)
datasets.register("mnist")(mnist)
datasets.register("omniglot")(omniglot)
datasets.register("sprites")(sprites)

_FINITE = ("omniglot",)  # their scenes are not composed: unless fewer are asked for, they give all they have


def load(source: str | Path, *, split: str = "train", n: int | None = None, seed: int = 0, **options: Any) -> SceneData:
    """Scenes from a data set or from files.

    Args:
        source: `digits`; `sprites`; `mnist` and `omniglot` (from the cache of an earlier download, unless
            `download=True`); `mnist:PATH`, an `.npz` with `images` and `labels` or a folder of MNIST's IDX
            files; `omniglot:PATH`, a folder of Omniglot's zips or one of them; or the path of a scenes file
            (`.npz`), of one image, or of a folder of images. A name wins over a path; write `./digits` for a
            folder of that name.
        split: `train`, `valid` or `test`. Files have no splits: every split is the whole of them.
        n: how many scenes; of a path, the first n. If None, 60,000 for training, 1,000 for validation, 10,000
            for testing, and all that a path or Omniglot holds.
        seed: whole number; each split draws its own scenes from it.
        **options: of a data set: `download` and the settings of `compose` (`digits`, `mnist`), those of
            `draw_sprites` (`sprites`), or `canvas` (`omniglot`). A path takes none.

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
    data = _read(Path(source))
    if options:
        raise AttendError(f"{source}: a path takes no option {next(iter(options))!r}; only a data set does")
    if n is not None and n > len(data):
        raise AttendError(f"{source}: holds {len(data)} scenes; n is {n} and must not be more")
    return data[:n]


def _read(path: Path) -> SceneData:
    """A scenes file, an image, or a folder of images."""
    if not path.exists():
        known = f"{', '.join(datasets)}, mnist:PATH, omniglot:PATH"
        raise AttendError(f"{path}: is neither a data set ({known}) nor an existing file or folder")
    return SceneData.load(path) if path.suffix == ".npz" else read_images(path)
