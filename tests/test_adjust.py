"""Settings give way to few steps and few images, and say so."""

import dataclasses

import pytest
from hypothesis import given, strategies

from attend.adjust import changed_by, fitted_batch, fitted_schedule
from attend.config import PRESETS, Config, ModelConfig, TrainConfig

ALWAYS = strategies.sampled_from(sorted(PRESETS))


@given(ALWAYS, strategies.integers(1, 200_000))
def test_any_number_of_steps_is_enough_for_every_preset(preset, steps):
    usual = PRESETS[preset]
    train = usual.train
    if usual.model.renderer.name not in ("objects-3d", "tabletop"):  # those show no background but their own
        usual = usual.replace(background="learned", corrections=2)
    changed, notes = fitted_schedule(usual.model, train, steps)
    model, shorter = changed_by(usual.model, dataclasses.replace(train, steps=steps), changed)
    Config(model, shorter)  # which refuses what contradicts itself
    changed = {name: value for name, value in changed.items() if hasattr(train, name)}
    assert all(value < getattr(train, name) for name, value in changed.items())
    assert shorter.count_anneal_steps <= max(1, steps / 2) or "count_anneal_steps" not in changed
    assert bool(notes) == bool({"warmup_steps", "count_anneal_steps"} & set(changed))


@pytest.mark.parametrize("preset", PRESETS)
def test_a_training_of_the_usual_length_is_left_as_it_is(preset):
    usual = PRESETS[preset]
    assert fitted_schedule(usual.model, usual.train, usual.train.steps) == ({}, [])


def test_what_is_given_does_not_give_way():
    changed, notes = fitted_schedule(ModelConfig(), TrainConfig(), 50, ("warmup_steps",))
    assert "warmup_steps" not in changed
    assert changed["count_anneal_steps"] == 25
    assert notes == ["there are only 50 steps: the annealing of the count prior takes 25 of them"]
    assert fitted_schedule(ModelConfig(), TrainConfig(), "50") == ({}, [])


@pytest.mark.parametrize(("n", "size"), [(1, 1), (24, 24), (64, 64), (1000, 64)])
def test_no_batch_is_larger_than_the_data(n, size):
    fitted, notes = fitted_batch(TrainConfig(), n)
    assert fitted == dataclasses.replace(TrainConfig(), batch_size=size)
    assert [f"batch_size is {size}" in note for note in notes] == [True] * (n < 64)
    Config(ModelConfig(), fitted)
