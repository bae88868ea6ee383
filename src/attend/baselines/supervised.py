"""Networks that are told the answers: a classifier of whole images, and q's own cell trained with full labels."""

from functools import partial
from itertools import permutations
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from attend.baselines.autoencoder import Encoder
from attend.baselines.training import as_unit, for_each
from attend.config import ModelConfig
from attend.data import SceneData
from attend.distributions import Distribution
from attend.errors import AttendError
from attend.geometry import box_window, footprint_box, place
from attend.p import Code, PatchSettings, Where, Windows, WindowSettings
from attend.q import Cell, cells, count_log_probs

WHAT = 50
"""Numbers that tell the class, where the renderer has no code of an appearance."""


class Classifier(eqx.Module):
    """A convolutional network from pixels to one of `classes` answers about the whole image."""

    network: Encoder
    size: tuple[int, int, int] = eqx.field(static=True)

    def __init__(self, size: tuple[int, int, int], classes: int, *, key: PRNGKeyArray):
        self.network = Encoder(size, classes, key=key)
        self.size = size

    def predict(self, images: Any) -> Int[np.ndarray, " n"]:
        """The most probable class of each image."""
        return for_each(self.network, images, self.size).argmax(axis=1)


def classifier_loss(
    module: Classifier, batch: dict[str, Array], key: PRNGKeyArray, step: Int[Array, ""] | int
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """The cross-entropy in nats of a batch of `images` and their `labels`, whole numbers from 0."""
    logits = jax.vmap(module.network)(as_unit(batch["images"]))
    log_probs = jnp.take_along_axis(jax.nn.log_softmax(logits), batch["labels"][:, None], axis=1)
    accuracy = jnp.mean(jnp.argmax(logits, axis=1) == batch["labels"])
    return -jnp.mean(log_probs), {"accuracy": accuracy}


class LabelledScenes(NamedTuple):
    """What a `SceneNet` says of n images, as numpy arrays; rows beyond an image's count mean nothing.

    `boxes` are x0, y0, width, height in pixels, found as for AIR: around what lies under the window of `where`.
    """

    counts: Int[np.ndarray, " n"]
    where: Float[np.ndarray, "n objects where"]
    boxes: Float[np.ndarray, "n objects 4"]
    classes: Int[np.ndarray, "n objects"]


class Finding(NamedTuple):
    """One pass over one image, the step axis (N) first; `layers` are the pixels that each step took."""

    presence_logits: Float[Array, " t"]
    q_where: Distribution
    where: Float[Array, "t where"]
    class_logits: Float[Array, "t k"]
    layers: Float[Array, "t h w c"]


class SceneNet(eqx.Module):
    """The cell of q, trained with labels for count, place and class instead of with p.

    Without p there is no painter, so a step explains the very pixels under its window: they are the canvas that a
    difference cell subtracts from the image, and what is left is for the next step.

    `where` is described as by the renderer of the model that it is compared with; windows of the image if None.
    """

    cell: Cell
    classify: eqx.nn.Linear
    config: ModelConfig = eqx.field(static=True)
    size: tuple[int, int, int] = eqx.field(static=True)
    where: Where = eqx.field(static=True)

    def __init__(
        self,
        config: ModelConfig,
        size: tuple[int, int, int],
        classes: int,
        where: Where | None = None,
        *,
        key: PRNGKeyArray,
    ):
        cell_key, classify_key = jax.random.split(key)
        renderer = config.renderer
        if where is None:
            if not isinstance(renderer, WindowSettings):
                raise AttendError(
                    f"model.renderer: is {renderer.name!r}, whose objects are not in windows; give `where`"
                )
            where = Windows.of(renderer)
        self.where = where
        what = renderer.what if isinstance(renderer, PatchSettings) else WHAT
        self.cell = cells.make(config.cell, config, size, self.where, Code(what), key=cell_key)
        self.classify = eqx.nn.Linear(what, classes, key=classify_key)
        self.config = config
        self.size = size

    def find(self, image: Float[Array, "h w c"], key: PRNGKeyArray | None = None) -> Finding:
        """Run the cell for N steps; without a key deterministically."""
        white = jnp.ones((self.config.glimpse, self.config.glimpse, 1))

        def step(carry, key):
            memory, canvas = carry
            memory, look = self.cell(memory, image, canvas, key)
            window = self.where.window(look.where)
            layer = jnp.minimum(place(white, window, self.size[:2]), 1.0) * (image - canvas)
            class_logits = self.classify(look.q_what.mode)
            finding = Finding(look.presence_logit, look.q_where, look.where, class_logits, layer)
            return (memory, canvas + layer), finding

        steps = self.config.max_objects
        keys = None if key is None else jax.random.split(key, steps)
        start = self.cell.start(image), jnp.zeros_like(image)
        return jax.lax.scan(step, start, keys, steps, unroll=min(steps, 4))[1]

    def predict(self, images: Any) -> LabelledScenes:
        """Count, locate and classify the objects in each image."""
        return LabelledScenes(*for_each(self._predict, images, self.size))

    def _predict(self, image):
        found = self.find(image)
        count = jnp.argmax(count_log_probs(found.presence_logits))
        return count, found.where, jax.vmap(footprint_box)(found.layers), jnp.argmax(found.class_logits, axis=1)


def scene_loss(
    module: SceneNet, batch: dict[str, Array], key: PRNGKeyArray, step: Int[Array, ""] | int
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """-log q(count, where, class | image) in nats, averaged over a batch made by `scene_targets`.

    The true objects have no order: they are taken in the one that the network finds most probable.
    """
    keys = jax.random.split(key, len(batch["images"]))
    count_nll, objects_nll = jax.tree.map(jnp.mean, jax.vmap(partial(_scene_nll, module))(batch, keys))
    return count_nll + objects_nll, {"count_nll": count_nll, "objects_nll": objects_nll}


def _scene_nll(module: SceneNet, scene: dict[str, Array], key: PRNGKeyArray):
    found = module.find(as_unit(scene["images"]), key)
    log_where = jax.vmap(lambda q: jax.vmap(q.log_prob)(scene["where"]))(found.q_where)
    log_class = jax.nn.log_softmax(found.class_logits)[:, scene["labels"]]
    steps = jnp.arange(module.config.max_objects)
    orders = jnp.array(list(permutations(range(module.config.max_objects))))
    # The first `count` steps must take the first `count` rows of the targets; the other rows are empty.
    exists = steps < scene["counts"]
    allowed = jnp.all(exists[orders] == exists, axis=1)
    log_order = jnp.sum(jnp.where(exists, (log_where + log_class)[steps, orders], 0.0), axis=1)
    objects = jnp.max(jnp.where(allowed, log_order, -jnp.inf))
    return -count_log_probs(found.presence_logits)[scene["counts"]], -objects


def scene_targets(data: SceneData, max_objects: int) -> dict[str, np.ndarray]:
    """What `scene_loss` learns from: images, counts, labels, and where: poses if known, else windows over boxes.

    Raises:
        AttendError: the scenes lack counts, boxes or labels, or one has more than `max_objects` objects.
    """
    if data.counts is None or data.boxes is None or data.labels is None:
        missing = [name for name in ("counts", "boxes", "labels") if getattr(data, name) is None]
        raise AttendError(f"{missing[0]}: are missing from the scenes; learning with labels needs them")
    if data.counts.max() > max_objects:
        raise AttendError(f"counts: a scene has {data.counts.max()} objects; max_objects is {max_objects}")
    boxes = np.zeros((len(data), max_objects, 4), np.float32)
    labels = np.zeros((len(data), max_objects), np.int32)
    shared = min(max_objects, data.boxes.shape[1])
    boxes[:, :shared] = data.boxes[:, :shared]
    labels[:, :shared] = data.labels[:, :shared].clip(0)
    height, width = data.images.shape[1:3]
    if data.poses is None:
        where = np.asarray(jax.vmap(jax.vmap(lambda box: box_window(box, (height, width))))(jnp.asarray(boxes)))
    else:
        where = np.zeros((len(data), max_objects, 3), np.float32)
        where[:, :shared] = data.poses[:, :shared]
    return {"images": data.images, "counts": data.counts.astype(np.int32), "where": where, "labels": labels}
