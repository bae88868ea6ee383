"""Dreams of no image in particular, from which the q that comes with the package has learned."""

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from attend.dreams.arrangement import any_arrangement
from attend.dreams.backgrounds import any_background, any_texture
from attend.dreams.compose import compose
from attend.dreams.cutouts import CutOuts
from attend.dreams.shapes import FAMILY
from attend.dreams.targets import Targets, targets
from attend.photometry import seen

SIDE = 96
"""Pixels along a dream's side."""

EMPTY = 0.06
"""The share of dreams that are texture alone."""


def universal_example(rng: np.random.Generator, shapes: CutOuts) -> tuple[Float[np.ndarray, "side side 2"], Targets]:
    """What q sees of one dream, and what it is to say.

    The objects of a dream are most often of one family of `shapes`, blur and noise are of any strength, and the noise
    may be correlated, as that of an image is which has been enlarged.
    """
    empty = rng.random() < EMPTY
    background = any_texture(rng, SIDE) if empty else any_background(rng, SIDE)
    arrangement = any_arrangement(rng)
    kinds = int(rng.choice([1, 2, 0], p=[0.65, 0.2, 0.15]))
    first = FAMILY * rng.integers(len(shapes) // FAMILY, size=kinds)
    rows = (first[:, None] + np.arange(FAMILY)).ravel() if kinds else slice(None)
    if empty:
        arrangement = type(arrangement)(density=0.0)
    dream = compose(rng, shapes[rows], arrangement, background)
    image = dream.image
    blur = rng.uniform(0, 1.3)
    if blur > 0.3:
        image = ndimage.gaussian_filter(image, blur)
    sd = np.exp(rng.uniform(np.log(0.005), np.log(0.25)))
    noise, correlated = rng.normal(size=image.shape), rng.uniform(-0.6, 1)
    if correlated > 0.2:
        noise = ndimage.gaussian_filter(noise, correlated)
        noise /= noise.std()
    spread = np.sqrt(sd**2 + 0.5 * background.var()) * np.exp(0.4 * rng.normal())
    return seen(image + sd * noise, spread), targets(dream)
