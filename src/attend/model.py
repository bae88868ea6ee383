"""`Model`: p and q together, and what a user does with them."""

import dataclasses
import json
import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray

from attend.ahead import cores
from attend.config import ModelConfig
from attend.data import as_images, taken
from attend.errors import AttendError
from attend.files import read_npz, write_npz
from attend.geometry import VISIBLE, attend, box_mask, box_window, footprint_box
from attend.masks import SAMPLES
from attend.objective import count_bounds, elbo, importance_weighted_bound
from attend.p import Generative, LearnedSettings, cover, footprint, generative, geometric, refitted
from attend.q import BackdropEncoder, Cell, Trace, WithBackdrop, cells, unroll
from attend.scenes import Scenes

Images = Array | np.ndarray


SHADED = 0.4
"""`VISIBLE` before a background, of which a patch paints some around its object as well."""


class Model(eqx.Module):
    """A generative model p of scenes and the network q that inverts it, for images of one size.

    `attend.fit` makes one from images, `attend.load` reads one from a file or a run folder.
    """

    p: Generative
    q: Cell
    config: ModelConfig = eqx.field(static=True)

    @classmethod
    def create(cls, config: ModelConfig, size: tuple[int, int, int], key: PRNGKeyArray) -> "Model":
        """A model with fresh parameters for images of `size` (height, width, channels)."""
        p_key, q_key = jax.random.split(key)
        p = generative(config, size, key=p_key)
        q = cells.make(config.cell, config, size, p.renderer.where, p.renderer.what, key=q_key)
        if p.background is not None and p.background.code_size:
            learned, encoder_key = config.background, jax.random.fold_in(q_key, 0)
            times = learned.corrections if isinstance(learned, LearnedSettings) else 0
            q = WithBackdrop(q, BackdropEncoder(size, p.background.code_size, times, key=encoder_key))
        return cls(p, q, config)

    @property
    def size(self) -> tuple[int, int, int]:
        """Height, width and channels of the images it knows."""
        return self.p.renderer.size

    def infer(
        self, images: Any, *, batch_size: int = 64, filled: bool = False, names: tuple[str, ...] | None = None
    ) -> Scenes:
        """Count, locate and describe the objects in each image, in one deterministic pass of q.

        Or in the several passes of the setting `count_passes`, whose draws are the same at every call.

        Args:
            images: `(n, H, W, C)`, or `(n, H, W)` when grey, of the model's size; uint8, or float in [0, 1]. Or
                whatever `attend.data.as_images` makes such an array of, with a warning that says how.
            batch_size: images in a batch; each core works on one batch at a time.
            filled: fill the batch up even when there are fewer images, so that the program compiled for others serves.
            names: a name for each image, kept in the result; of files their own unless given.

        Raises:
            AttendError: the images are not such an array and cannot be taken for one.
        """
        found = taken(images, self.size)
        for line in found.notes:
            warnings.warn(line, stacklevel=2)
        images, names = found.images, names or found.names
        parts = _on_all_cores(lambda batch: _decode(self, batch), batches(images, batch_size, filled))
        fields = {name: np.concatenate([part[name] for part in parts])[: len(images)] for name in parts[0]}
        renderer = self.p.renderer
        told = {"names": names, "where_names": renderer.where.names, "what_names": renderer.what.names}
        return Scenes(images=as_float(images), **fields, **told)

    def elbo(self, images: Any, *, seed: int = 0, batch_size: int = 64) -> Float[np.ndarray, " n"]:
        """The ELBO of each image (paper, eq. 2), in nats, from one pass.

        All constants are included, and p(n) is the one refitted after training. `seed` draws where and what.

        Raises:
            AttendError: as of `infer`.
        """
        return self._per_image(_elbo, images, seed, batch_size)

    def importance_weighted_bound(
        self, images: Any, *, samples: int = 100, seed: int = 0, batch_size: int = 64
    ) -> Float[np.ndarray, " n"]:
        """The importance-weighted bound of each image from `samples` passes (Burda et al. 2016, eq. 8), in nats.

        All constants are included, and p(n) is the one refitted after training. `seed` draws where and what.

        Raises:
            AttendError: as of `infer`.
        """
        return self._per_image(partial(_importance_weighted_bound, samples=samples), images, seed, batch_size)

    def _per_image(self, bound: Callable[..., Array], images: Any, seed: int, batch_size: int) -> np.ndarray:
        images = as_images(images, self.size)
        pairs = keyed_batches(images, seed, batch_size)
        return np.concatenate(_on_all_cores(lambda pair: bound(self, *pair), pairs))[: len(images)]

    def sample(self, n: int, *, seed: int = 0) -> tuple[Float[np.ndarray, "n h w c"], Int[np.ndarray, " n"]]:
        """Draw `n` scenes from p: their images, in [0, 1] and without pixel noise, and their counts."""
        canvases, counts = _sample(self, jax.random.split(jax.random.key(seed), n))
        return np.clip(np.asarray(canvases), 0, 1), np.asarray(counts)

    def hurried(self) -> "Model":
        """The model with a single pass of q over each image, whatever `count_passes` says."""
        return Model(self.p, self.q, dataclasses.replace(self.config, count_passes=1))

    def with_refitted_count(self, images: Any, *, batch_size: int = 64) -> "Model":
        """The model whose p(n) is the average of q(n|x) over `images`, so that p draws as many objects as they have.

        One pass an image is enough for that; `batch_size` is as of `infer`.
        """
        count_probs = self.hurried().infer(images, batch_size=batch_size).count_probs
        return eqx.tree_at(lambda model: model.p.count, self, refitted(jnp.asarray(count_probs)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to an `.npz` file: its arrays by name, and its configuration as JSON text."""
        header = json.dumps({"model": dataclasses.asdict(self.config), "size": self.size})
        write_npz(path, {"attend": np.array(header)} | _named_arrays(self))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Model":
        """Read what `save` wrote. Nothing is ever unpickled.

        Raises:
            AttendError: the file is missing, damaged, or holds no model.
        """
        arrays = read_npz(path)
        if "attend" not in arrays:
            raise AttendError(f"{path}: holds no model; one is written by model.save(path)")
        try:
            header = json.loads(str(arrays["attend"]))
            config = ModelConfig.from_dict(header["model"])
            height, width, channels = (int(side) for side in header["size"])
            if min(height, width) < 1 or channels not in (1, 3):
                raise ValueError(f"size is {header['size']}")
            skeleton = eqx.filter_eval_shape(cls.create, config, (height, width, channels), jax.random.key(0))
        except (ValueError, KeyError, TypeError, AttendError) as error:
            raise AttendError(f"{path}: its header is damaged ({error})") from error
        expected = _named_arrays(skeleton)
        for name, leaf in expected.items():
            found = arrays.get(name)
            if found is None or found.shape != leaf.shape or found.dtype != leaf.dtype:
                what = "missing" if found is None else f"{found.dtype}{found.shape}"
                raise AttendError(f"{path}: {name} is {what}; it must be {leaf.dtype}{leaf.shape}")
        leaves, tree = jax.tree.flatten(skeleton)
        return jax.tree.unflatten(tree, [jnp.asarray(arrays[name]) for name in expected][: len(leaves)])


def as_float(images: np.ndarray) -> Float[np.ndarray, "n h w c"]:
    """uint8 0..255 as float32 in [0, 1]; floats as they are."""
    return images.astype(np.float32) / 255 if images.dtype == np.uint8 else images.astype(np.float32)


def batches(rows: np.ndarray, size: int, filled: bool = False) -> Iterator[np.ndarray]:
    """Equal batches, the last one filled up with copies of its last row, so that one compiled program serves all."""
    size = size if filled else min(size, len(rows))
    for start in range(0, len(rows), size):
        batch = rows[start : start + size]
        yield np.concatenate([batch, np.repeat(batch[-1:], size - len(batch), axis=0)])


def keyed_batches(
    images: np.ndarray, seed: int, size: int, filled: bool = False
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Batches of images, each with the data of a key for every image of it."""
    keys = np.asarray(jax.random.key_data(jax.random.split(jax.random.key(seed), len(images))))
    return zip(batches(images, size, filled), batches(keys, size, filled), strict=True)


def _on_all_cores(compute: Callable[[Any], Any], batches: Iterator[Any]) -> list[Any]:
    """`compute` of each batch, as numpy arrays.

    A batch leaves part of the cores idle, since most of its operations are small; as many batches as cores do not.
    """
    parts = [jax.device_get(compute(next(batches)))]  # by itself, so that the program is compiled once
    with ThreadPoolExecutor(cores()) as pool:
        return parts + list(pool.map(lambda batch: jax.device_get(compute(batch)), batches))


def to_unit(images: Images) -> Float[Array, "b h w c"]:
    """uint8 0..255 as float in [0, 1], on the device; floats as they are."""
    return jnp.asarray(images) / 255.0 if images.dtype == jnp.uint8 else jnp.asarray(images)


def _explain(model: Model, image: Float[Array, "h w c"]) -> tuple[Trace, Float[Array, " n"]]:
    """The pass of q that describes an image, and the log probability of each count.

    Of several passes each count has the one that explains the image best: every pass estimates a lower bound of
    log p(x, n), and the highest says the most of it.
    """
    p, q, config = model.p, model.q, model.config
    trace = unroll(p, q, image)
    if config.count == "presence":
        return trace, trace.count_log_probs
    log_p_count = p.count + geometric(-config.count_price, p.max_objects)
    bounds = count_bounds(p, trace, image, log_p_count)
    if config.count_passes > 1:
        keys = jax.random.split(jax.random.key(0), config.count_passes - 1)
        drawn = jax.lax.map(lambda key: count_bounds(p, unroll(p, q, image, key), image, log_p_count), keys)
        passes = jnp.concatenate([bounds[None], drawn])
        bounds = jnp.max(passes, axis=0)
        best = jnp.argmax(passes[:, jnp.argmax(bounds)])
        other = unroll(p, q, image, keys[best - 1])
        trace = jax.tree.map(lambda first, other: jnp.where(best == 0, first, other), trace, other)
    return trace, jax.nn.log_softmax(bounds)


@eqx.filter_jit
def _decode(model: Model, images: Images) -> dict[str, Array]:
    """The fields of `Scenes` for a batch."""
    p = model.p
    empty, least = p.renderer.empty(), VISIBLE if p.background is None else SHADED

    def one(image):
        trace, log_q = _explain(model, image)
        scene = empty if p.background is None else p.before(trace.canvases[0])

        def describe(layer):
            alone = p.renderer.add(empty, layer)
            seen = alone if p.background is None else p.renderer.add(scene, layer)
            shown = footprint(p.renderer, scene, seen)
            box = footprint_box(shown[..., None], least)
            patch = attend(p.renderer.canvas(alone), box_window(box, image.shape[:2]), model.config.glimpse)
            covered = cover(p.renderer, layer, shown, before_background=p.background is not None)
            return box, patch, box_mask(covered, box, SAMPLES).astype(jnp.float16)

        boxes, patches, masks = jax.vmap(describe)(trace.layers)
        return {
            "reconstructions": trace.canvases[jnp.argmax(log_q)],
            "count_probs": jnp.exp(log_q),
            "where": trace.where,
            "where_sd": jax.vmap(lambda q: q.spread)(trace.q_where),
            "what": trace.what,
            "what_sd": jax.vmap(lambda q: q.spread)(trace.q_what),
            "boxes": boxes,
            "patches": patches,
            "masks": masks,
        }

    return jax.vmap(one)(to_unit(images))


@eqx.filter_jit
def _elbo(model: Model, images: Images, key_data: Images) -> Float[Array, " b"]:
    def one(image, key):
        return elbo(model.p, unroll(model.p, model.q, image, key), image, model.p.count)

    return jax.vmap(one)(to_unit(images), jax.random.wrap_key_data(jnp.asarray(key_data)))


@eqx.filter_jit
def _importance_weighted_bound(model: Model, images: Images, key_data: Images, samples: int) -> Float[Array, " b"]:
    def one(image, key):
        return importance_weighted_bound(model.p, model.q, image, model.p.count, key, samples)

    return jax.vmap(one)(to_unit(images), jax.random.wrap_key_data(jnp.asarray(key_data)))


@eqx.filter_jit
def _sample(model: Model, keys: Key[Array, " n"]) -> tuple[Float[Array, "n h w c"], Int[Array, " n"]]:
    return jax.vmap(model.p.sample)(keys)


def _named_arrays(model: Model) -> dict[str, Any]:
    leaves = jax.tree_util.tree_leaves_with_path(model)
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}
