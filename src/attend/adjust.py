"""Settings of a training that give way to what there is: few steps, few images."""

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from attend.config import CHOICES, Config, ModelConfig, TrainConfig

SHARES = {
    "warmup_steps": 1 / 10,
    "count_anneal_steps": 1 / 2,
    "corrections_from": 1 / 2,
    "corrections_anneal_steps": 1 / 4,
}
"""Of all steps, at most such a part goes to each of these, unless the user has given it."""

GIVING_WAY = (*SHARES, "batch_size")
"""Every setting that may be another in a run than it was asked to be."""


def fitted_schedule(
    model: ModelConfig, train: TrainConfig, steps: Any, given: Collection[str] = ()
) -> tuple[dict[str, int], list[str]]:
    """What becomes of the warm-up and of the annealings when a training is of `steps`.

    Args:
        model: the settings of the model.
        train: the settings of a training as it is usually done.
        steps: how many there are instead; what is no positive whole number is left to others to refuse.
        given: names of the settings that the user has given himself, which are not changed.

    Returns:
        The settings that are changed, by name, and a line that says so for those that are at work in every training.
    """
    if not isinstance(steps, int) or steps < 1:
        return {}, []
    own = model.background if hasattr(model.background, "corrections") else CHOICES["background"].settings("learned")
    usual = vars(own) | vars(train)
    fits = usual["corrections_from"] + usual["corrections_anneal_steps"] <= steps
    shares = {name: share for name, share in SHARES.items() if not (fits and name.startswith("corrections"))}
    limits = {name: int(share * steps) for name, share in shares.items() if name not in given}
    limits = {name: max(limit, 1) if name.endswith("anneal_steps") else limit for name, limit in limits.items()}
    changed = {name: limit for name, limit in limits.items() if usual[name] > limit}
    told = {"warmup_steps": "the warm-up", "count_anneal_steps": "the annealing of the count prior"}
    short = [f"{told[name]} takes {changed[name]:,} of them" for name in told if name in changed]
    return changed, [f"there are only {steps:,} steps: {' and '.join(short)}"] if short else []


def changed_by(model: ModelConfig, train: TrainConfig, changed: Mapping[str, int]) -> tuple[ModelConfig, TrainConfig]:
    """Both sections with what `fitted_schedule` changes, where they have it."""
    background, of_train = (
        {name: value for name, value in changed.items() if hasattr(one, name)} for one in (model.background, train)
    )
    model = dataclasses.replace(model, background=dataclasses.replace(model.background, **background))
    return model, dataclasses.replace(train, **of_train)


def given_way(config: Config) -> dict[str, int]:
    """The settings of a run that may be others than it was asked for, and its steps, by name."""
    usual = vars(config.model.background) | vars(config.train)
    return {name: usual[name] for name in ("steps", *GIVING_WAY) if name in usual}


def fitted_batch(train: TrainConfig, n: int) -> tuple[TrainConfig, list[str]]:
    """The settings of a training on `n` images, since no batch can have more, and a line that says what is changed."""
    if train.batch_size <= n:
        return train, []
    images = "only one image" if n == 1 else f"only {n:,} images"
    return dataclasses.replace(train, batch_size=n), [f"there {'is' if n == 1 else 'are'} {images}: batch_size is {n}"]
