"""Images of discs, whose places are known."""

import numpy as np


def discs(rng, side=200, diameter=16, n=25, ground=0.2, light=0.7, noise=0.02):
    """An image of discs that do not touch, and their middles, x and y."""
    image, places = np.full((side, side), ground), []
    rows, columns = np.mgrid[:side, :side]
    while len(places) < n:
        x, y = rng.uniform(diameter, side - diameter, 2)
        if all(np.hypot(x - a, y - b) > 1.4 * diameter for a, b in places):
            places.append((x, y))
            edge = np.clip(diameter / 2 - np.hypot(columns - x, rows - y) + 0.5, 0, 1)
            image = image * (1 - edge) + light * edge
    image = image + noise * rng.normal(size=image.shape)
    return np.round(255 * image.clip(0, 1)).astype(np.uint8)[..., None], np.array(places)
