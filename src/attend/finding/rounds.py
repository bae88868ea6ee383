"""Rounds: p is made of what q finds, and q learns from dreams of p (as in expectation maximisation)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import jax
import numpy as np

from attend.ahead import ahead, cores
from attend.field import Example, FieldNetwork, instances, look, sleep, universal_dreams
from attend.finding.bank import Bank, Found, bank
from attend.finding.kind import Natural
from attend.finding.pixels import alike, refined

LEAST, DOUBTFUL = 0.4, 0.08
"""Scores from which on something is an object, or might be one, while p is made."""

STEPS = 200
"""Of learning a round."""

LEARNING_RATE = 3e-4
"""Of those; small, since the network knows most already."""

OWN = 0.5
"""The share of the dreams that are of the images' own parts; the others teach outlines, and keep q from forgetting what
else there is."""

FAMILIES = 100
"""Of shapes, for those others."""

KNOWN = 60
"""What q knew before has the weight of so many cut-outs."""

Watch = Callable[[int, int], None]
"""Is told how many steps are done, of how many."""


@dataclass(frozen=True)
class Round:
    """What a round of learning did.

    Attributes:
        objects: how many objects were found in the images before it.
        cutouts: how many of them were cut out.
        loss: of q on the dreams at its end.
    """

    objects: int
    cutouts: int
    loss: float


def learn(
    network: FieldNetwork, images: Sequence[Natural], *, rounds: int, seed: int, watch: Watch = lambda done, of: None
) -> tuple[FieldNetwork, list[Round]]:
    """Adapt q to a kind of images.

    The weights that come out lie between those that went in and those that were learned, the nearer to the latter the
    more objects were cut out: such a mean sees better than either (Wortsman et al. 2022, "Robust Fine-tuning of
    Zero-shot Models").

    Args:
        network: where to start.
        images: some of the kind, in natural units.
        rounds: how often.
        seed: of all noise.
        watch: hears how far it is.

    Returns:
        The network, and what each round did; there is none where too few objects were found to learn from.
    """
    others = universal_dreams(FAMILIES, seed)
    start, done = network, []
    for number in range(rounds):
        found = list(ahead(partial(find_in, network), images, cores()))
        made = bank(found, np.random.default_rng([seed, number]))
        if made is None:
            break
        losses: list[float] = []

        def tell(step: int, loss: float, number: int = number, losses: list[float] = losses) -> None:
            losses.append(loss)
            watch(number * STEPS + step, rounds * STEPS)

        network = sleep(
            network,
            partial(_dream, own=made, others=others),
            steps=STEPS,
            seed=seed + number,
            learning_rate=LEARNING_RATE,
            warmup_steps=30,
            watch=tell,
        )
        done.append(Round(sum(len(one.objects.scores) for one in found), len(made.cutouts), losses[-1]))
    learned_from = done[-1].cutouts if done else 0
    return _between(start, network, learned_from / (learned_from + KNOWN)), done


def _between(one: FieldNetwork, other: FieldNetwork, share: float) -> FieldNetwork:
    """The network whose weights are by this share on the way from one's to the other's."""
    return jax.tree.map(lambda a, b: a + share * (b - a), one, other)


def find_in(network: FieldNetwork, image: Natural, turns: int = 1) -> Found:
    """What q finds in an image when it looks so often at it, and what it holds for possible."""
    said = look(network, image.seen, turns)
    objects = alike(refined(instances(*said, least=LEAST), said, image), image)
    return Found(image, objects, instances(*said, least=DOUBTFUL))


def _dream(rng: np.random.Generator, own: Bank, others: Callable[[np.random.Generator], Example]) -> Example:
    return own.dream(rng) if rng.random() < OWN else others(rng)
