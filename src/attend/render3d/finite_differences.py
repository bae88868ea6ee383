"""A gradient for a function that has none: central finite differences of a black box.

This is how the paper learns with a renderer from outside ("Attend, Infer, Repeat", supplementary material), after Loper
and Black 2014 ("OpenDR"). A function of d numbers draws 2 d + 1 times as many scenes, asked for all in one call, so
that a renderer which draws many scenes at once can do so.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from attend.errors import AttendError

BlackBox = Callable[[np.ndarray], np.ndarray]
"""From float32 scenes (n, d) to images (n, h, w, c), each of its scene alone; a NumPy function that calls no JAX."""

_painter = ThreadPoolExecutor(1, thread_name_prefix="attend-black-box")
"""The one thread in which black boxes draw: JAX calls from several, which few renderers bear."""


def black_box(
    function: BlackBox, steps: Sequence[float], size: tuple[int, int, int]
) -> Callable[[Float[Array, " d"]], Float[Array, "h w c"]]:
    """`function` of one scene, differentiable, and fit for `jit`, `vmap` and `scan`.

    A batch costs one call of `function`: with its scenes, or, where a gradient is asked for, with those and all scenes
    that differ from one of them by a step. The differences are kept for the backward pass: d images a scene.

    Args:
        function: draws scenes. It is called in a thread of its own, always the same.
        steps: by how much each of the d numbers is moved up and down, in its own unit; 0 for one that gets no gradient,
            and costs none.
        size: height, width and channels of an image.

    Raises:
        AttendError: when a step is negative or not finite.
    """
    step = np.asarray(steps, np.float32)
    if not (step.ndim == 1 and np.all(step >= 0) and np.all(np.isfinite(step))):
        raise AttendError(f"steps: {steps}; they must be finite and at least 0, one for each number of a scene")
    moved = np.flatnonzero(step)
    offsets = np.zeros((len(moved), len(step)), np.float32)
    offsets[np.arange(len(moved)), moved] = step[moved]
    around = np.concatenate([np.zeros((1, len(step)), np.float32), offsets, -offsets])

    def drawn(scenes: np.ndarray) -> np.ndarray:
        """Images (..., h, w, c) of scenes (..., d)."""
        images = np.asarray(_painter.submit(function, scenes.reshape(-1, len(step))).result(), np.float32)
        return images.reshape(*scenes.shape[:-1], *size)

    def images_of(scene: Array) -> np.ndarray:
        return drawn(np.asarray(scene))

    def images_and_slopes_of(scene: Array) -> tuple[np.ndarray, np.ndarray]:
        images = drawn(np.asarray(scene)[..., None, :] + around)
        here, up, down = np.split(images, [1, 1 + len(moved)], axis=-4)
        return here[..., 0, :, :, :], (up - down) / (2 * step[moved][:, None, None, None])

    image = jax.ShapeDtypeStruct(size, jnp.float32)
    slopes = jax.ShapeDtypeStruct((len(moved), *size), jnp.float32)

    @jax.custom_vjp
    def draw(scene):
        return jax.pure_callback(images_of, image, scene, vmap_method="expand_dims")

    def forward(scene):
        return jax.pure_callback(images_and_slopes_of, (image, slopes), scene, vmap_method="expand_dims")

    def backward(slopes, gradient):
        return (jnp.zeros(len(step)).at[moved].set(jnp.tensordot(slopes, gradient, 3)),)

    draw.defvjp(forward, backward)
    return draw
