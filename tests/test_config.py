import dataclasses
import json
import subprocess
import sys
from typing import get_type_hints

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attend.config import CHOICES, PRESETS, SECTIONS, Config, preset
from attend.errors import AttendError
from attend.objective import estimators
from attend.p import renderers
from attend.q import cells
from attend.settings import Settings, flattened, own_fields

FIELDS = [(section, name, hint) for section, kind in SECTIONS.items() for name, hint in get_type_hints(kind).items()]
ENTRIES = [
    (
        "train" if kind == "estimator" else "model",
        kind,
        entry,
        name,
        get_type_hints(choices.settings_class(entry))[name],
    )
    for kind, choices in CHOICES.items()
    for entry in choices
    for name in own_fields(choices.settings_class(entry))
]
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
    assert config.model.cell.name in cells
    assert config.model.renderer.name in renderers
    assert config.train.estimator.name in estimators
    hash(config)


@given(
    st.integers(1, 9),
    st.lists(st.integers(1, 512), min_size=3, max_size=3),
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
        ({"model": {"renderer": {"name": "patch", "whot": 3}}}, "model.renderer.whot"),
    ],
)
def test_an_unknown_field_is_refused_by_name(values, field):
    with pytest.raises(AttendError, match=f"^{field}: is no setting; the settings are "):
        Config.from_dict(values)
    with pytest.raises(AttendError, match=f"^{field.split('.')[-1]}: is no setting; the settings are "):
        Config().replace(**{field.split(".")[-1]: 1})


@pytest.mark.parametrize("values", [None, [], "model", {"model": 3}, {"train": None}])
def test_what_is_no_mapping_is_refused(values):
    with pytest.raises(AttendError, match="must be an object of settings"):
        Config.from_dict(values)


@pytest.mark.parametrize(("section", "name", "hint"), FIELDS)
def test_a_field_of_a_wrong_type_is_refused_by_name(section, name, hint):
    for value in WRONG.get(hint, ["linear", 3, None] if hint is not Settings else [3, None, ["flat"], {}, {"what": 3}]):
        with pytest.raises(AttendError, match=rf"^{section}\.{name}: is .*; it must be "):
            Config.from_dict({section: {name: value}})
        with pytest.raises(AttendError, match=rf"^{section}\.{name}: is .*; it must be "):
            Config().replace(**{name: value})


@pytest.mark.parametrize(("section", "kind", "entry", "name", "hint"), ENTRIES)
def test_so_is_one_of_an_entrys_settings(section, kind, entry, name, hint):
    for value in WRONG.get(hint, ["linear", 3, None]):
        with pytest.raises(AttendError, match=rf"^{section}\.{kind}\.{name}: is .*; it must be "):
            Config.from_dict({section: {kind: {"name": entry, name: value}}})
        with pytest.raises(AttendError, match=rf"^{section}\.{kind}\.{name}: is .*; it must be "):
            Config().replace(**{kind: entry, f"{kind}_{name}": value})


def test_numbers_of_numpy_will_do():
    config = Config().replace(steps=np.int64(700), pixel_sd=np.float32(0.5), cell_widths=[np.int32(8)] * 3)
    assert config == Config().replace(steps=700, pixel_sd=0.5, cell_widths=(8, 8, 8))
    assert type(config.train.steps) is int


def test_a_whole_number_will_do_for_a_float():
    config = Config.from_dict({"train": {"learning_rate": 1}}).replace(pixel_sd=1)
    assert isinstance(config.train.learning_rate, float)
    assert isinstance(flattened(config.model)["likelihood.pixel_sd"], float)


POSITIVE = [
    *("model.max_objects", "model.count_passes", "model.glimpse"),
    *("model.renderer.what", "model.renderer.scale", "model.renderer.scale_sd", "model.renderer.place_sd"),
    *("model.likelihood.pixel_sd", "model.likelihood.pixel_dof", "model.likelihood.pixel_dof_parts"),
    *("model.background.code", "model.background.coarseness", "model.background.corrections_anneal_steps"),
    *("train.steps", "train.batch_size", "train.learning_rate", "train.count_anneal_steps"),
    *("train.estimator.baseline_learning_rate", "train.estimator.samples"),
]


@pytest.mark.parametrize("field", POSITIVE)
@pytest.mark.parametrize("value", [0, -1])
def test_what_must_be_positive_is(field, value):
    *parts, name = field.split(".")
    entries = {}
    if len(parts) == 2:
        entries = {parts[1]: CHOICES[parts[1]].having(name)[-1]}
    with pytest.raises(AttendError, match=rf"^{field}: is {value}(\.0)?; it must be above 0 and finite"):
        Config().replace(**entries, **{name: value})


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"warmup_steps": -1}, r"^train\.warmup_steps: is -1; it must be 0 or more"),
        ({"clip_norm": -0.5}, r"^train\.clip_norm: is -0\.5; it must be 0 or more"),
        ({"pixel_sd": float("nan")}, r"^model\.likelihood\.pixel_sd: is nan"),
        ({"scale": float("inf")}, r"^model\.renderer\.scale: is inf; it must be above 0 and finite"),
        ({"clip_norm": float("inf")}, r"^train\.clip_norm: is inf"),
        ({"decoder_bias": float("nan")}, r"^model\.renderer\.decoder_bias: is nan; it must be finite"),
        ({"count_price": float("-inf")}, r"^model\.count_price: is -inf; it must be finite"),
        ({"cell_widths": (5, 5)}, r"^model\.cell\.widths: is \(5, 5\); a glance cell has three"),
        ({"cell": "lstm", "cell_widths": (5, 5)}, r"^model\.cell\.widths: is \(5, 5\); an LSTM cell has one size"),
        ({"learning_rate": float("nan")}, r"^train\.learning_rate: is nan"),
        ({"cell_widths": ()}, r"^model\.cell\.widths: is \(\)"),
        ({"encoder_widths": (0,)}, r"^model\.encoder_widths: is \(0,\)"),
        ({"decoder_widths": (5, -1)}, r"^model\.renderer\.decoder_widths: is \(5, -1\)"),
        ({"steps": 50, "warmup_steps": 50}, r"^train\.warmup_steps: is 50; it must be below train\.steps, 50"),
        (
            {"background": "learned", "corrections_from": -1},
            r"^model\.background\.corrections_from: is -1; it must be 0 or more",
        ),
        (
            {"background": "learned", "corrections": 1, "steps": 1500, "corrections_from": 501},
            r"^model\.background\.corrections_from: is 501; .* at most .* 500",
        ),
        (
            {"samples": 5, "estimator": "exact"},
            r"^samples: is a setting of the estimator 'iw', and the estimator is 'exact'$",
        ),
        (
            {"what": 5, "renderer": "tabletop"},
            r"^what: is a setting of the renderer 'alpha' or 'patch' or 'flat', and the renderer is 'tabletop'$",
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


def test_a_setting_of_an_entry_has_the_name_of_its_field_with_or_without_the_kind_before_it():
    config = Config().replace(renderer="flat", what=19, background="learned", background_code=3, cell_widths=(1, 2, 3))
    model = flattened(config.model)
    assert (model["renderer"], model["renderer.what"]) == ("flat", 19)
    assert (model["background.code"], model["cell.widths"]) == (3, (1, 2, 3))
    assert config == Config().replace(
        renderer={"name": "flat", "what": 19}, background="learned", code=3, widths=[1, 2, 3]
    )


def test_another_entry_keeps_what_both_have_from_one_base_class_and_nothing_else():
    config = Config().replace(what=19, widths=(1, 2, 3), pixel_sd=0.1)
    other = config.replace(renderer="alpha", likelihood="student", cell="lstm")
    model = flattened(other.model)
    assert (model["renderer"], model["renderer.what"]) == ("alpha", 19)
    assert (model["likelihood.pixel_sd"], model["likelihood.pixel_dof"]) == (0.1, 500.0)
    assert model["cell.widths"] == (256,)  # not those of the other cell, which mean other things
    assert flattened(other.replace(renderer="tabletop", cell="glance").model)["cell.widths"] == (24, 48, 48)


def test_a_name_that_several_entries_have_is_refused_unless_their_kind_is_said(monkeypatch):
    @dataclasses.dataclass(frozen=True)
    class Twin(Settings):
        what: int = 3
        steps: int = 5

    choices = CHOICES["background"]
    for kept in ("_entries", "_settings"):
        monkeypatch.setattr(choices, kept, dict(getattr(choices, kept)))
    choices.register("twin", Twin)(print)
    config = Config().replace(background="twin")
    with pytest.raises(
        AttendError, match=r"^what: is a setting of several entries; say renderer_what or background_what"
    ):
        config.replace(what=7)
    changed = config.replace(background_what=7, background_steps=8, steps=900)
    assert changed.model.background == Twin("twin", 7, 8)
    assert changed.train.steps == 900


def test_advice_gives_way_and_is_left_out_where_it_does_not_apply():
    advice = {"renderer": "alpha", "scale": 0.2, "max_objects": 7}
    told = Config().advised(advice, max_objects=2)
    assert told == Config().replace(renderer="alpha", scale=0.2, max_objects=2)
    assert Config().advised(advice, renderer="tabletop") == Config().replace(renderer="tabletop", max_objects=7)


def test_settings_are_known_before_jax_is_and_presets_when_they_are_asked_for():
    code = "import sys; from attend.config import PRESETS; list(PRESETS); sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    code = "from attend.config import Config, preset; assert preset('default') == Config()"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_an_unknown_preset_is_refused_with_the_known_ones():
    with pytest.raises(AttendError, match=r"^preset: 'huge' is unknown; it must be one of .*default.*paper"):
        preset("huge")


def test_the_paper_preset_is_the_papers():
    paper = preset("paper")
    model = flattened(paper.model)
    assert (model["cell"], model["cell.widths"]) == ("lstm", (256,))
    assert (model["renderer.what"], model["max_objects"], model["likelihood.pixel_sd"]) == (50, 3, 0.3)
    assert (paper.train.estimator.name, paper.train.learning_rate, paper.train.batch_size) == ("nvil", 1e-4, 64)
    assert (paper.train.decay, paper.train.clip_norm, paper.train.warmup_steps) == ("none", 0, 0)
