import importlib
import json
import shutil

import equinox as eqx
import jax
import numpy as np
import pytest
import tiny
from PIL import Image

import attend
from attend import config
from attend.data import Reading, Rules, SceneData, as_images, load
from attend.errors import AttendError
from attend.fitting import reading_of
from attend.material import Material
from attend.training import RunFolder

IMAGES = (255 * tiny.images(16)).astype(np.uint8)
VALIDATION = SceneData(IMAGES, np.arange(16) % 3)


@pytest.fixture(scope="module", autouse=True)
def short_periods():
    with pytest.MonkeyPatch.context() as patch:
        module = importlib.import_module("attend.fitting")
        patch.setattr(module, "LOG_EVERY", 2)
        patch.setattr(module, "EVALUATE_EVERY", 4)
        patch.setattr(module, "CHECKPOINT_EVERY", 4)
        yield


def fit(*, config=None, images=IMAGES, **options):
    if config is None and "resume" not in options:
        config = tiny.config(decay="none")
    return attend.fit(images, config=config, progress=False, **options)


def assert_same_model(one, other):
    assert one.config == other.config
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)


def rows(path):
    timings = ("seconds", "images_per_second")
    return [{k: v for k, v in row.items() if k not in timings} for row in RunFolder(path).metrics()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of 8 steps and the model that `fit` returned."""
    path = tmp_path_factory.mktemp("whole") / "run"
    return path, fit(run=path, seed=3, validation=VALIDATION)


@pytest.fixture
def interrupted(whole, tmp_path):
    """The same run as if it had been cut off right after its checkpoint at step 4."""
    shutil.copytree(whole[0], tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    assert folder.checkpoints.steps() == [4, 8]
    folder.checkpoints.discard_after(4)
    folder.checkpoints.close()
    return tmp_path / "run"


def test_the_same_seed_gives_the_same_bits_with_or_without_a_run_folder_and_validation(whole):
    assert_same_model(fit(seed=3), whole[1])


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["nvil", "iw"])
def test_the_other_estimators_resume_and_another_seed_gives_other_bits(tmp_path, estimator):
    config = tiny.config(estimator=estimator, **({"samples": 2} if estimator == "iw" else {}))
    expected = fit(config=config, run=tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    folder.checkpoints.discard_after(4)
    folder.checkpoints.close()
    assert_same_model(fit(run=tmp_path / "run", resume=True), expected)
    other = fit(config=config, seed=1)
    assert not np.array_equal(other.p.renderer.decoder.layers[0].weight, expected.p.renderer.decoder.layers[0].weight)


def test_a_run_folder_loads_as_the_model_that_was_returned(whole):
    assert_same_model(attend.load(whole[0]), whole[1])


def test_p_of_n_is_refitted_at_the_end(whole):
    model = whole[1]
    np.testing.assert_allclose(np.exp(model.p.count), model.infer(IMAGES).count_probs.mean(axis=0), atol=1e-3)


def test_the_priors_over_where_and_what_are_not_trained(whole):
    fresh = attend.Model.create(tiny.model_config(), tiny.SIZE, jax.random.key(0))
    assert eqx.tree_equal((whole[1].p.where, whole[1].p.what), (fresh.p.where, fresh.p.what))


def test_resume_equals_no_interruption(whole, interrupted):
    path, expected = whole
    assert_same_model(fit(run=interrupted, resume=True, validation=VALIDATION), expected)
    assert rows(interrupted) == rows(path)
    assert [row["step"] for row in rows(path)] == [2, 4, 6, 8]


@pytest.mark.slow
def test_a_run_can_be_extended_and_is_then_as_if_it_had_been_meant_to_be_that_long(whole, tmp_path):
    shutil.copytree(whole[0], tmp_path / "run")
    longer = fit(run=tmp_path / "run", resume=True, steps=12)
    assert_same_model(longer, fit(seed=3, steps=12))
    assert RunFolder(tmp_path / "run").config()["config"]["train"]["steps"] == 12
    assert_same_model(attend.load(tmp_path / "run"), longer)


@pytest.mark.parametrize(("name", "value"), [("learning_rate", 0.5), ("max_objects", 3), ("estimator", "nvil")])
def test_resuming_with_another_setting_is_refused_by_name(whole, name, value):
    with pytest.raises(AttendError, match=rf"{name}: is .* and cannot be {value}; only steps can change on resuming"):
        fit(run=whole[0], resume=True, glimpse=tiny.config().model.glimpse, **{name: value})


def test_resuming_with_another_seed_or_fewer_steps_than_done_is_refused_and_changes_nothing(whole):
    before = RunFolder(whole[0]).config()
    with pytest.raises(AttendError, match=r"^seed: is 3 in .* and cannot be 4"):
        fit(run=whole[0], resume=True, seed=4)
    with pytest.raises(AttendError, match=r"^steps: is 6, but .* is at step 8; it must not be less"):
        fit(run=whole[0], resume=True, steps=6)
    assert RunFolder(whole[0]).config() == before


def test_what_stands_in_the_way_of_a_run_is_told(whole, tmp_path):
    with pytest.raises(AttendError, match="resume: needs the run folder"):
        fit(resume=True)
    with pytest.raises(AttendError, match="no such run folder"):
        fit(run=tmp_path / "none", resume=True)
    with pytest.raises(AttendError, match="holds a run already"):
        fit(run=whole[0])
    with pytest.raises(AttendError, match=r"was trained on images of .*8, 8, 1.*8, 9, 1"):
        fit(run=whole[0], resume=True, images=tiny.images(16, size=(8, 9, 1)))


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"batch_size": 0}, r"train\.batch_size: is 0"),
        ({"stepz": 3}, "stepz: is no setting"),
        ({"code": 3}, "code: is a setting of the background 'learned', and the background is 'none'"),
        ({"steps": 0}, r"train\.steps: is 0"),
        ({"steps": "100"}, r"train\.steps: is '100'; it must be of type int"),
        ({"steps": 2.5}, r"train\.steps: is 2\.5; it must be of type int"),
        ({"cell": "transformer"}, "cell: 'transformer' is unknown"),
        ({"estimator": "vimco"}, "estimator: 'vimco' is unknown"),
        ({"renderer": "nerf"}, "renderer: 'nerf' is unknown"),
        ({"config": "huge"}, "preset: 'huge' is unknown"),
        ({"images": np.full((4, 8, 8), np.nan)}, "images: image 0 has a pixel that is NaN"),
    ],
)
def test_bad_settings_are_refused_by_name_and_leave_no_run_behind(tmp_path, settings, line):
    with pytest.raises(AttendError, match=line):
        fit(run=tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "{}",
        '{"config": {}, "size": [8, 8, 1], "seed": 0, "reading": 3}',
        '{"config": {"model": {"cell": 3}}, "size": [8, 8, 1], "seed": 0}',
        '{"size": 3}',
    ],
)
def test_a_run_with_a_damaged_config_is_refused_by_name(tmp_path, content):
    RunFolder.create(tmp_path / "run", {})
    (tmp_path / "run" / "config.json").write_text(content)
    with pytest.raises(AttendError, match=r"config\.json|model\.cell"):
        attend.load(tmp_path / "run")


@pytest.fixture
def ink(tmp_path):
    """Files of dark squares on white paper."""
    (tmp_path / "ink").mkdir()
    for number in range(4):
        paper = np.full((8, 8), 250, np.uint8)
        paper[2:5, 1 + number : 4 + number] = 10
        Image.fromarray(paper).save(tmp_path / "ink" / f"{number}.png")
    return tmp_path / "ink"


def test_a_path_is_fitted_as_what_is_read_from_it_and_the_run_keeps_how(tmp_path, ink):
    with pytest.warns(UserWarning, match="objects are darker than the background .*: images are inverted"):
        model = fit(images=ink, run=tmp_path / "run")
    data = load(ink)
    assert reading_of(tmp_path / "run") == data.reading
    assert data.reading.rules.ground == "light"
    assert_same_model(model, fit(images=data))
    images = [Image.open(path) for path in sorted(ink.iterdir())]
    with pytest.warns(UserWarning, match=r"taken as they are: attend\.data\.as_images\(images, ground='light'\)"):
        fit(images=images)
    assert_same_model(model, fit(images=as_images(images, ground="light")))


def test_images_as_they_are_stay_so_whatever_their_ground():
    paper = np.full((4, 8, 8, 1), 0.9, np.float32)
    reading = importlib.import_module("attend.fitting")._reading
    with pytest.warns(UserWarning, match="darker than the background"):
        assert reading(paper, paper) == Reading(Rules(ground="dark"))
    assert reading(1 - paper, 1 - paper) is None
    bytes_ = (255 * paper).astype(np.uint8)
    read = Reading(Rules(ground="light", crop=(8, 8)))
    assert reading(SceneData(255 - bytes_, reading=read), 255 - bytes_) == read
    assert reading(SceneData(bytes_), bytes_) == Reading(Rules(ground="dark"))


def test_a_run_without_a_checkpoint_is_refused(tmp_path, whole):
    header = json.loads((whole[0] / "config.json").read_text())
    RunFolder.create(tmp_path / "run", header)
    with pytest.raises(AttendError, match="holds no checkpoint"):
        attend.load(tmp_path / "run")


def test_the_accuracy_of_counting_is_logged_on_validation_scenes(whole):
    path, model = whole
    logged = {row["step"]: row["count_accuracy"] for row in rows(path) if "count_accuracy" in row}
    assert list(logged) == [4, 8]
    assert logged[8] == np.float64(np.mean(model.infer(IMAGES).counts == VALIDATION.counts))


@pytest.fixture
def tiny_preset(monkeypatch):
    """The preset `default`, tiny but as long as it is."""
    monkeypatch.setitem(config._PRESETS, "default", tiny.sizes())


@pytest.mark.parametrize("n", [1, 3, 16])
def test_few_images_and_few_steps_train_and_say_so(tiny_preset, tmp_path, n):
    with pytest.warns(UserWarning, match="batch_size") as said:
        fit(config="default", images=IMAGES[:n], steps=3, run=tmp_path / "run")
    lines = [str(each.message) for each in said if each.category is UserWarning]
    assert sum("there are only 3 steps: the warm-up takes 0 of them" in line for line in lines) == 1
    assert sum(f"batch_size is {n}" in line for line in lines) == 1
    stored = RunFolder(tmp_path / "run").config()["config"]["train"]
    assert (stored["batch_size"], stored["warmup_steps"], stored["count_anneal_steps"]) == (n, 0, 1)
    fit(config="default", images=IMAGES[:n], steps=4, run=tmp_path / "run", resume=True)
    assert RunFolder(tmp_path / "run").metrics()[-1]["step"] == 4


def test_what_the_user_has_given_himself_and_contradicts_is_refused(tiny_preset):
    with pytest.raises(AttendError, match=r"train\.warmup_steps: is 100; it must be below train\.steps, 50"):
        fit(config="default", steps=50, warmup_steps=100)


@pytest.fixture
def memory(monkeypatch):
    """Say how much memory there is, in terms of what a training on the images takes with a batch of some size."""
    module = importlib.import_module("attend.fitting")

    def of(config, batch, size=tiny.SIZE):
        enough = module.training_bytes(config, size, batch) / module.HEADROOM + 2 * IMAGES.nbytes
        monkeypatch.setattr(module, "available", lambda: int(enough))
        monkeypatch.setattr(module, "SMALL", 0)

    return of


def test_a_larger_batch_and_larger_images_take_more_memory():
    module = importlib.import_module("attend.fitting")
    few, many = (module.training_bytes(tiny.config(), tiny.SIZE, batch) for batch in (8, 64))
    assert many > 3 * few
    assert module.training_bytes(tiny.config(), (32, 32, 1), 8) > 3 * few


def test_the_batch_gives_way_to_the_memory(memory):
    config = tiny.config(batch_size=16)
    memory(config, 8)
    with pytest.warns(UserWarning, match="batch_size is 8, since one of 16 needs more than the"):
        fit(config=config)


def test_what_does_not_fit_into_memory_is_refused_with_the_figures(memory, tmp_path):
    config = tiny.config(batch_size=16)
    memory(config, 1)
    line = r"^memory: training on 16 images of 8x8x1 needs some \d+ (k|M|G)B for a batch of 8, and \d+ (k|M|G)B may be"
    with pytest.raises(AttendError, match=line):
        fit(config=config, run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_small_training_is_not_estimated(monkeypatch):
    module = importlib.import_module("attend.fitting")
    monkeypatch.setattr(module, "training_bytes", None)
    assert module.fitted_to_memory(tiny.config(), Material.of(IMAGES)) == (tiny.config(), [])
    monkeypatch.setattr(module, "available", lambda: None)
    huge = np.broadcast_to(np.uint8(0), (10, 9999, 9999, 3))
    assert module.fitted_to_memory(tiny.config(), Material.of(huge)) == (tiny.config(), [])


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"renderer": "alpha", "background": "learned", "max_objects": 5}])
def test_the_estimate_of_memory_is_a_little_more_than_what_the_compiler_says(settings):
    module = importlib.import_module("attend.fitting")
    config = attend.Config().replace(**settings)
    start = module.start_training(config, (60, 60, 1), 0)
    images = jax.ShapeDtypeStruct((16, 60, 60, 1), np.uint8)
    step = jax.jit(jax.value_and_grad(start.loss, has_aux=True))
    compiled = step.lower(start.state.params, images, start.state.key, start.state.step).compile()
    said = compiled.memory_analysis().temp_size_in_bytes
    assert 0.8 < module.training_bytes(config, (60, 60, 1), 16) / said < 3
