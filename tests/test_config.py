import dataclasses
import json
from typing import get_type_hints

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attend.config import PRESETS, Config, ModelConfig, TrainConfig, preset
from attend.errors import AttendError
from attend.objective import estimators
from attend.p import renderers
from attend.q import cells

SECTIONS = {"model": ModelConfig, "train": TrainConfig}
FIELDS = [(section, name, hint) for section, kind in SECTIONS.items() for name, hint in get_type_hints(kind).items()]
WRONG = {
    int: ["3", 1.5, True, None],
    float: ["0.1", True, None, [1.0]],
    str: [3, None, ["lstm"]],
    tuple[int, ...]: [64, [1.5], ["64"], [True], None, "64"],
}


@pytest.mark.parametrize("name", list(PRESETS))
def test_presets_are_whole_and_survive_json(name):
    config = preset(name)
    assert Config.from_dict(json.loads(json.dumps(dataclasses.asdict(config)))) == config
    assert config.model.cell in cells
    assert config.model.renderer in renderers
    assert config.train.estimator in estimators
    hash(config)


@given(
    st.integers(1, 9),
    st.lists(st.integers(1, 512), min_size=1, max_size=4),
    st.floats(1e-3, 10),
    st.sampled_from(["cosine", "none"]),
    st.integers(1, 10**6),
)
def test_a_config_survives_json(max_objects, widths, pixel_sd, decay, steps):
    config = Config().replace(
        max_objects=max_objects,
        cell_widths=tuple(widths),
        pixel_sd=pixel_sd,
        decay=decay,
        steps=steps,
        warmup_steps=min(5, steps - 1),
    )
    assert Config.from_dict(json.loads(json.dumps(dataclasses.asdict(config)))) == config


def test_what_is_left_out_has_its_default():
    assert Config.from_dict({}) == Config()
    assert Config.from_dict({"train": {"steps": 7000}}) == Config().replace(steps=7000)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"modle": {}}, "config.modle"),
        ({"model": {"glimpze": 3}}, "model.glimpze"),
        ({"train": {"learningrate": 1e-3}}, "train.learningrate"),
    ],
)
def test_an_unknown_field_is_refused_by_name(values, field):
    with pytest.raises(AttendError, match=f"^{field}: is no setting; the settings are "):
        Config.from_dict(values)
    with pytest.raises(AttendError, match=f"^{field.split('.')[1]}: is no setting; the settings are "):
        Config().replace(**{field.split(".")[1]: 1})


@pytest.mark.parametrize("values", [None, [], "model", {"model": 3}, {"train": None}])
def test_what_is_no_mapping_is_refused(values):
    with pytest.raises(AttendError, match="must be an object of settings"):
        Config.from_dict(values)


@pytest.mark.parametrize(("section", "name", "hint"), FIELDS)
def test_a_field_of_a_wrong_type_is_refused_by_name(section, name, hint):
    for value in WRONG.get(hint, ["linear", 3, None]):
        with pytest.raises(AttendError, match=rf"^{section}\.{name}: is .*; it must be "):
            Config.from_dict({section: {name: value}})
        with pytest.raises(AttendError, match=rf"^{section}\.{name}: is .*; it must be "):
            Config().replace(**{name: value})


def test_numbers_of_numpy_will_do():
    config = Config().replace(steps=np.int64(700), pixel_sd=np.float32(0.5), cell_widths=[np.int32(8)])
    assert config == Config().replace(steps=700, pixel_sd=0.5, cell_widths=(8,))
    assert type(config.train.steps) is int


def test_a_whole_number_will_do_for_a_float():
    config = Config.from_dict({"model": {"pixel_sd": 1}})
    assert isinstance(config.model.pixel_sd, float)


POSITIVE = [
    *("model.max_objects", "model.what", "model.glimpse", "model.scale", "model.scale_sd", "model.place_sd"),
    *("model.pixel_sd", "train.samples", "train.steps", "train.batch_size", "train.learning_rate"),
    *("train.baseline_learning_rate", "train.count_anneal_steps", "train.corrections_anneal_steps"),
]


@pytest.mark.parametrize("field", POSITIVE)
@pytest.mark.parametrize("value", [0, -1])
def test_what_must_be_positive_is(field, value):
    section, name = field.split(".")
    with pytest.raises(AttendError, match=rf"^{section}\.{name}: is {value}(\.0)?; it must be above 0"):
        Config.from_dict({section: {name: value}})


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"warmup_steps": -1}, r"^train\.warmup_steps: is -1; it must be 0 or more"),
        ({"clip_norm": -0.5}, r"^train\.clip_norm: is -0\.5; it must be 0 or more"),
        ({"pixel_sd": float("nan")}, r"^model\.pixel_sd: is nan"),
        ({"scale": float("inf")}, r"^model\.scale: is inf; it must be above 0 and finite"),
        ({"clip_norm": float("inf")}, r"^train\.clip_norm: is inf"),
        ({"decoder_bias": float("nan")}, r"^model\.decoder_bias: is nan; it must be finite"),
        ({"count_log_odds_end": float("-inf")}, r"^train\.count_log_odds_end: is -inf; it must be finite"),
        ({"learning_rate": float("nan")}, r"^train\.learning_rate: is nan"),
        ({"cell_widths": ()}, r"^model\.cell_widths: is \(\)"),
        ({"encoder_widths": (0,)}, r"^model\.encoder_widths: is \(0,\)"),
        ({"decoder_widths": (5, -1)}, r"^model\.decoder_widths: is \(5, -1\)"),
        ({"steps": 50, "warmup_steps": 50}, r"^train\.warmup_steps: is 50; it must be below train\.steps, 50"),
        ({"corrections_from": -1}, r"^train\.corrections_from: is -1; it must be 0 or more"),
        (
            {"background_corrections": 1, "steps": 1500, "corrections_from": 501},
            r"^train\.corrections_from: is 501; .* at most .* 500",
        ),
        (
            {"samples": 5, "estimator": "exact"},
            r"^train\.samples: is 5, which needs train\.estimator 'iw', not 'exact'",
        ),
    ],
)
def test_what_cannot_be_or_contradicts_itself_is_refused_by_name(settings, line):
    with pytest.raises(AttendError, match=line):
        Config().replace(**settings)


def test_replace_changes_only_what_it_is_told():
    config = Config().replace(max_objects=5, steps=1234)
    assert (config.model.max_objects, config.train.steps) == (5, 1234)
    assert config.replace(max_objects=Config().model.max_objects, steps=Config().train.steps) == Config()


def test_an_unknown_preset_is_refused_with_the_known_ones():
    with pytest.raises(AttendError, match=r"^preset: 'huge' is unknown; it must be one of .*default.*paper"):
        preset("huge")


def test_the_paper_preset_is_the_papers():
    paper = preset("paper")
    assert (paper.model.cell, paper.model.cell_widths) == ("lstm", (256,))
    assert (paper.model.what, paper.model.max_objects, paper.model.pixel_sd) == (50, 3, 0.3)
    assert (paper.train.estimator, paper.train.learning_rate, paper.train.batch_size) == ("nvil", 1e-4, 64)
    assert (paper.train.decay, paper.train.clip_norm, paper.train.warmup_steps) == ("none", 0, 0)
