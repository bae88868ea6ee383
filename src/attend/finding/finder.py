"""`Finder`: a q that has been adapted to one kind of images, and what it needs to look at more of them."""

import dataclasses
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import jax
import numpy as np
from jaxtyping import UInt8

from attend.ahead import ahead, cores
from attend.errors import AttendError
from attend.field import FieldNetwork, from_arrays, to_arrays, universal
from attend.files import digest, read_npz, write_npz
from attend.finding.bank import bank
from attend.finding.busiest import Activity
from attend.finding.calibration import Calibration, calibrated
from attend.finding.hypotheses import Evidence, disagreement, hypotheses
from attend.finding.kind import Kind, Natural
from attend.finding.likeness import Likeness, likeness
from attend.finding.objects import no_objects, objects_in
from attend.finding.prior import fitted
from attend.finding.rounds import Round, find_in, learn
from attend.finding.scene import scene_of
from attend.finding.suited import suited
from attend.finding.views import view
from attend.photometry import NATURAL, scaled
from attend.scenes import Scenes

LEARNED_FROM = 24
"""Images that are learned from, at most, evenly spread."""

PIXELS = 4_000_000
"""And no more than so many natural pixels of them."""

DREAMS = 160
"""Of what is found in the end, from which scores are calibrated."""

ROUNDS = 2
"""Of learning."""

TURNS = 8
"""In which an image is looked at; one look takes an eighth of the time, and sees a little less."""

TURNED = 2_000_000
"""Natural pixels of a usual image that are looked at, in all turns together: larger images take fewer turns."""


@dataclass(frozen=True)
class Finder:
    """Finds the objects in images of one kind, of any size.

    Attributes:
        network: q.
        kind: what the images have in common.
        calibration: what q's scores mean.
        channels: 1 for grey images, 3 for colour.
        empty: whether the images that it was made from seem to show no repeated objects; then it finds none.
        turns: how often it looks at an image, turned and mirrored: 1 to 8.
    """

    network: FieldNetwork
    kind: Kind
    calibration: Calibration
    channels: int
    empty: bool = False
    turns: int = TURNS

    def infer(self, image: UInt8[np.ndarray, "rows columns channels"], name: str | None = None) -> Scenes:
        """The objects of one image, uint8, in a `Scenes` of length 1."""
        if self.empty:
            seen = view(image, self.kind)
            found, labels = no_objects(image.shape[2]), np.zeros(seen.shape, np.int32)
        else:
            seen, first = suited(self.network, image, self.kind)
            found, labels = objects_in(self.network, seen, self.turns, first)
        return scene_of(image, seen, found, labels, self.calibration, name)

    def fingerprint(self) -> str:
        """A digest that tells it from every other one."""
        about = repr((self.kind, self.calibration, self.channels, self.empty, self.turns))
        return digest(about, jax.tree.leaves(self.network))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to one `.npz` file, from which `Finder.load` makes the same."""
        about = {
            "kind": dataclasses.asdict(self.kind),
            "calibration": dataclasses.asdict(self.calibration),
            "channels": self.channels,
            "empty": self.empty,
            "turns": self.turns,
        }
        write_npz(path, {"finder": np.array(json.dumps(about))} | to_arrays(self.network))

    @staticmethod
    def load(path: str | os.PathLike[str]) -> "Finder":
        """Read a file written by `save`.

        Raises:
            AttendError: the file is missing, damaged or not one of these.
        """
        arrays = read_npz(path)
        try:
            about = json.loads(str(arrays.pop("finder")))
            kind, calibration = Kind(**about["kind"]), Calibration(**about["calibration"])
            channels, empty, turns = int(about["channels"]), bool(about["empty"]), int(about.get("turns", 1))
        except (KeyError, TypeError, ValueError) as error:
            raise AttendError(f"{path}: is no finder, or a damaged one ({error})") from error
        try:
            return Finder(from_arrays(arrays), kind, calibration, channels, empty, turns)
        except AttendError as error:
            raise AttendError(f"{path}: {error}") from None


@dataclass(frozen=True)
class Learned:
    """A finder and how it came about.

    Attributes:
        finder: it.
        evidence: for each kind that was tried, the best first.
        rounds: what each round of learning did.
        likeness: parts of the images beside dreams; None where too little was found to dream of.
    """

    finder: Finder
    evidence: Sequence[Evidence]
    rounds: Sequence[Round]
    likeness: Likeness | None = None


Watch = Callable[[str, int, int], None]
"""Is told the phase (`surveying` or `learning`), how much of it is done, and of how much."""


def make_finder(
    images: Sequence[UInt8[np.ndarray, "_rows _columns _channels"]],
    *,
    foreground: str | None = None,
    diameter: float | None = None,
    rounds: int = ROUNDS,
    turns: int = TURNS,
    seed: int = 0,
    watch: Watch = lambda phase, done, of: None,
) -> Learned:
    """Learn to find the objects in images of one kind, without a label.

    Args:
        images: of one kind, of any sizes, with the same number of channels, 1 or 3.
        foreground: what tells objects from the background, of `foregrounds`; if None, told from the images.
        diameter: of the usual object in pixels; if None, told from the images.
        rounds: of learning; with 0 the network is used as it comes.
        turns: how often it looks at an image in the end, at most, turned and mirrored; fewer times if the images are
            large.
        seed: of all noise.
        watch: hears how far it is.
    """
    some = [images[i] for i in np.unique(np.linspace(0, len(images) - 1, LEARNED_FROM).astype(int))]
    network = universal()
    tried = hypotheses(network, some, foreground=foreground, diameter=diameter, watch=partial(watch, "surveying"))
    best = tried[0]
    channels = some[0].shape[2]
    if not best.credible:
        return Learned(Finder(network, best.kind, Calibration(), channels, True, turns), tried, ())
    scale = NATURAL / best.kind.diameter
    turns = max(1, min(turns, int(TURNED / np.median([np.prod(scaled(image.shape[:2], scale)) for image in some]))))

    def seen(image: np.ndarray) -> Natural:
        return suited(network, Activity(image).busiest(round(PIXELS**0.5 / scale)), best.kind)[0].whole

    views = list(ahead(seen, some, cores()))
    upto = np.cumsum([one.contrast.size for one in views])
    views = views[: max(1, int(np.searchsorted(upto, PIXELS)))]
    network, done = learn(network, views, rounds=rounds, seed=seed, watch=partial(watch, "learning"))
    rng = np.random.default_rng([seed, DREAMS])
    find = partial(find_in, network)
    found = list(ahead(find, views, cores()))
    made = bank(found, rng)
    calibration, alike = Calibration(), None
    if made is not None:
        posterior = fitted(made, found, find, seed)
        dreams = [posterior.scene(rng) for _ in range(DREAMS)]
        calibration = calibrated(network, dreams, turns, posterior.free)
        alike = likeness(views, dreams, rng)
    scatter = float(np.hypot(calibration.scatter, disagreement(tried)))
    calibration = dataclasses.replace(calibration, scatter=scatter)
    return Learned(Finder(network, best.kind, calibration, channels, turns=turns), tried, done, alike)
