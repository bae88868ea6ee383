import json
import zipfile
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
from PIL import Image
from scipy import special, stats

import attend
from attend.errors import AttendError
from attend.model import Model
from attend.objective import count_bounds
from attend.q import unroll
from attend.scenes import Scenes

IMAGES = tiny.images(5)
every_cell = pytest.mark.parametrize("cell", list(tiny.WIDTHS))


def assert_same_scenes(one, other, **tolerance):
    for name in ("count_probs", "where", "where_sd", "what", "what_sd", "patches", "reconstructions"):
        if tolerance:
            np.testing.assert_allclose(getattr(one, name), getattr(other, name), err_msg=name, **tolerance)
        else:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def test_inference_is_deterministic_and_says_as_much_of_an_image_alone_as_in_a_batch():
    model = tiny.model("glance")
    scenes = model.infer(IMAGES)
    assert_same_scenes(scenes, model.infer(IMAGES))
    assert_same_scenes(scenes, model.infer(IMAGES, batch_size=2), rtol=1e-4, atol=1e-5)  # the last batch is filled up
    assert_same_scenes(scenes[:2], model.infer(IMAGES[:2]), rtol=1e-4, atol=1e-5)


def test_scenes_are_what_the_model_says_of_each_image():
    model = tiny.model("glance")
    scenes = model.infer(IMAGES, names=("a", "b", "c", "d", "e"))
    assert scenes.names == ("a", "b", "c", "d", "e")
    np.testing.assert_allclose(scenes.count_probs.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(scenes.images, IMAGES)
    for row, count in enumerate(scenes.counts):
        state = model.p.renderer.empty()
        for where, what in zip(scenes.where[row, :count], scenes.what[row, :count], strict=True):
            layer = model.p.renderer.layer(jnp.asarray(where), jnp.asarray(what))
            state = model.p.renderer.add(state, layer)
        np.testing.assert_allclose(scenes.reconstructions[row], model.p.renderer.canvas(state), atol=1e-5)
    assert (scenes.boxes[..., :2] >= 0).all()
    assert (scenes.boxes[..., :2] + scenes.boxes[..., 2:] <= 8).all()


@pytest.mark.parametrize("settings", [{}, {"renderer": "alpha"}, {"renderer": "flat"}], ids=str)
def test_masks_are_what_each_object_covers(settings):
    model = tiny.model("glance", **settings)
    scenes = model.infer(IMAGES)
    assert scenes.masks.dtype == np.float16
    assert scenes.masks.min() >= 0
    assert scenes.masks.max() <= 1
    renderer = model.p.renderer
    whole = Scenes(**vars(scenes) | {"count_probs": np.eye(3, dtype=np.float32)[[2] * 5]})
    for row, index in np.ndindex(5, 2):
        layer = renderer.layer(jnp.asarray(scenes.where[row, index]), jnp.asarray(scenes.what[row, index]))
        alone = renderer.canvas(renderer.add(renderer.empty(), layer)).max(axis=-1)
        cover = np.asarray(renderer.alpha(layer) if settings else alone)
        (x, y), mask = whole.mask(row, index)
        near = np.abs(cover - cover.max() / 2) < 0.1 * cover.max()  # may be on either side
        x0, y0, wide, high = scenes.boxes[row, index].astype(int)
        assert ((x, y), mask.shape) == ((x0, y0), (high, wide))
        inside = np.s_[y : y + high, x : x + wide]
        assert (mask == (cover >= cover.max() / 2)[inside])[~near[inside]].all()


@pytest.mark.parametrize("price", [0.0, 0.7])
def test_the_count_may_be_told_by_how_well_p_explains_each_image(price):
    model = tiny.model("glance", count="posterior", count_price=price)
    scenes = model.infer(IMAGES)
    np.testing.assert_array_equal(scenes.where, tiny.model("glance").infer(IMAGES).where)
    for image, probs, reconstruction in zip(IMAGES, scenes.count_probs, scenes.reconstructions, strict=True):
        trace = unroll(model.p, model.q, jnp.asarray(image))
        kl = np.append(0.0, np.cumsum(trace.kl))
        errors = [np.sum((image - canvas) ** 2) for canvas in np.asarray(trace.canvases)]
        scores = -np.array(errors) / (2 * model.p.likelihood.sd**2) + np.asarray(model.p.count) - kl
        scores -= price * np.arange(3)
        np.testing.assert_allclose(probs, special.softmax(scores), atol=1e-4)
        np.testing.assert_allclose(reconstruction, trace.canvases[scores.argmax()], atol=1e-5)


def test_of_several_passes_each_count_has_the_one_that_explains_the_image_best():
    model = tiny.model("glance", count="posterior", count_passes=6, count_price=0.0)
    p, q = model.p, model.q
    scenes = model.infer(IMAGES)
    chosen = []
    for row, image in enumerate(map(jnp.asarray, IMAGES)):
        passes = [unroll(p, q, image)] + [unroll(p, q, image, key) for key in jax.random.split(jax.random.key(0), 5)]
        bounds = np.array([count_bounds(p, trace, image, p.count) for trace in passes])
        np.testing.assert_allclose(scenes.count_probs[row], special.softmax(bounds.max(axis=0)), atol=1e-4)
        chosen.append(bounds[:, scenes.counts[row]].argmax())
        np.testing.assert_allclose(scenes.where[row], passes[chosen[-1]].where, atol=1e-5)
        np.testing.assert_allclose(scenes.what[row], passes[chosen[-1]].what, atol=1e-5)
        canvas = passes[chosen[-1]].canvases[scenes.counts[row]]
        np.testing.assert_allclose(scenes.reconstructions[row], canvas, atol=1e-5)
    assert any(chosen)
    assert_same_scenes(scenes, model.infer(IMAGES))
    once = tiny.model("glance", count="posterior", count_price=0.0).with_refitted_count(IMAGES)
    np.testing.assert_array_equal(model.with_refitted_count(IMAGES).p.count, once.p.count)


def test_bytes_and_floats_and_images_without_a_channel_axis_are_read_alike():
    model = tiny.model("glance")
    pixels = np.random.default_rng(1).integers(0, 256, (5, 8, 8, 1), np.uint8)
    expected = model.infer(pixels)
    np.testing.assert_array_equal(model.infer(pixels[..., 0]).images, expected.images)
    assert_same_scenes(expected, model.infer(pixels[..., 0]))
    assert_same_scenes(expected, model.infer(pixels.astype(np.float32) / 255), rtol=1e-4, atol=1e-5)
    assert_same_scenes(expected, model.infer(pixels / 255.0), rtol=1e-4, atol=1e-5)


def test_other_forms_of_images_are_taken_with_a_warning_each(tmp_path):
    model = tiny.model("glance")
    pixels = np.random.default_rng(1).integers(0, 256, (5, 8, 8), np.uint8)
    expected = model.infer(pixels)
    forms = {
        "taken for 8 bits": pixels.astype(np.int64),
        "taken for 0 to 255": pixels.astype(float),
        "second axis": pixels[:, None],
        "Rec. 601": pixels[..., None].repeat(3, axis=3),
    }
    for said, images in forms.items():
        with pytest.warns(UserWarning, match=said):
            found = model.infer(images)
        assert_same_scenes(expected, found, rtol=1e-4, atol=1e-5)
    assert_same_scenes(expected, model.infer([Image.fromarray(image) for image in pixels]))
    with pytest.warns(UserWarning, match="taken for one image"):
        assert_same_scenes(model.infer(pixels[:1]), model.infer(pixels[0]))
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    with pytest.warns(UserWarning, match="it is unclear whether objects are brighter or darker"):
        read = model.infer(tmp_path)
    assert_same_scenes(expected, read)
    assert read.names == tuple(f"{number}.png" for number in range(5))


def with_pixel(value):
    images = IMAGES.copy()
    images[3, 1, 2, 0] = value
    return images


@pytest.mark.parametrize(
    ("images", "line"),
    [
        (IMAGES[0, 0, :, 0], r"shape is \(8,\); it must be \(n, height, width\)"),
        (np.zeros((2, 8, 8, 2), np.uint8), r"shape is \(2, 8, 8, 2\); .* 1 or 3"),
        (np.zeros((0, 8, 8), np.uint8), "there are none; at least one"),
        (np.zeros((2, 8, 9), np.uint8), "are 8x9x1 .*; the model knows 8x8x1"),
        (
            [IMAGES[0, ..., 0], IMAGES[1, :7, :, 0]],
            "image 0 is 8x8 .* but image 1 is 7x8; the model knows 8x8",
        ),
        (np.full((2, 8, 8), "x"), "dtype is <U1; it must be uint8, or float"),
        (with_pixel(np.nan), "image 3 has a pixel that is NaN or infinite"),
        (with_pixel(np.inf), "image 3 has a pixel that is NaN or infinite"),
        (with_pixel(255.0), r"reach from .* to 255; floats must be in \[0, 1\]"),
        (with_pixel(-0.5), r"reach from -0\.5 to .*; floats must be in \[0, 1\]"),
    ],
)
def test_bad_images_are_told_in_one_line(images, line):
    with pytest.raises(AttendError, match=f"^images: .*{line}") as caught:
        tiny.model("glance").infer(images)
    assert "\n" not in str(caught.value)


@every_cell
def test_a_saved_model_is_the_same_bit_for_bit(tmp_path, cell):
    model = tiny.model(cell)
    model.save(tmp_path / "model.npz")
    loaded = attend.load(tmp_path / "model.npz")
    assert jax.tree.structure(loaded) == jax.tree.structure(model)
    for one, other in zip(jax.tree.leaves(model), jax.tree.leaves(loaded), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    assert loaded.config == model.config
    if cell == "glance":
        assert_same_scenes(loaded.infer(IMAGES), model.infer(IMAGES))


def rewritten(path, change):
    with np.load(path) as archive:
        arrays = dict(archive)
    change(arrays)
    np.savez(path, **arrays)


def header(**changes):
    def change(arrays):
        content = json.loads(str(arrays["attend"]))
        for name, value in changes.items():
            owners = [content["model"]["renderer"], content["model"], content]
            next((owner for owner in owners if name in owner), content)[name] = value
        arrays["attend"] = np.array(json.dumps(content))

    return change


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda a: a.pop("attend"), "holds no model"),
        (lambda a: a.update(attend=np.array("{")), "its header is damaged"),
        (lambda a: a.update(attend=np.array("[]")), "its header is damaged"),
        (lambda a: a.update(attend=np.array("{}")), "its header is damaged"),
        (lambda a: a.update(attend=np.array(3.0)), "its header is damaged"),
        (header(what=7), r"p\.what\.mean is float32\(2,\); it must be float32\(7,\)"),
        (header(max_objects="two"), r"model\.max_objects: is 'two'"),
        (header(cell="transformer"), r"model\.npz: .*cell: 'transformer' is unknown"),
        (header(what=-7), r"model\.npz: .*model\.renderer\.what: is -7; it must be above 0"),
        (header(size=[8, 0, 1]), r"model\.npz: its header is damaged \(size is \[8, 0, 1\]"),
        (header(size=[8, 8, 2]), r"model\.npz: its header is damaged \(size is \[8, 8, 2\]"),
        (lambda a: a.pop("p.count"), "p.count is missing"),
        (lambda a: a.update({"p.count": a["p.count"].astype(float)}), r"p\.count is float64\(3,\); it must be float32"),
        (lambda a: a.update({"p.count": np.array([{}] * 3)}), "Object arrays cannot be loaded"),
    ],
)
def test_a_file_that_holds_no_such_model_is_refused_by_name(tmp_path, change, line):
    path = tmp_path / "model.npz"
    tiny.model("lstm").save(path)
    rewritten(path, change)
    with pytest.raises(AttendError, match=line) as caught:
        Model.load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["missing", "text", "truncated", "damaged", "zip"])
def test_a_damaged_or_foreign_file_is_refused_by_name(tmp_path, kind):
    path = tmp_path / "model.npz"
    tiny.model("lstm").save(path)
    content = bytearray(path.read_bytes())
    if kind == "missing":
        path.unlink()
    elif kind == "text":
        path.write_text("a model")
    elif kind == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif kind == "damaged":
        content[len(content) // 3] ^= 0xFF
        path.write_bytes(content)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("readme.txt", "hello")
    with pytest.raises(AttendError, match=r"model\.npz: "):
        attend.load(path)


def test_a_model_is_saved_only_as_npz(tmp_path):
    with pytest.raises(AttendError, match=r"model\.pkl: .*must end in \.npz"):
        tiny.model("lstm").save(tmp_path / "model.pkl")


def test_samples_have_as_many_objects_as_p_says_and_are_repeatable():
    probabilities = np.array([0.1, 0.2, 0.7])
    model = eqx.tree_at(lambda m: m.p.count, tiny.model("lstm"), jnp.log(jnp.asarray(probabilities, jnp.float32)))
    images, counts = model.sample(1000, seed=3)
    assert images.shape == (1000, 8, 8, 1)
    assert 0 <= images.min() <= images.max() <= 1
    assert stats.chisquare(np.bincount(counts, minlength=3), 1000 * probabilities).pvalue > 0.001
    again, other = model.sample(1000, seed=3), model.sample(1000, seed=4)
    np.testing.assert_array_equal(again[0], images)
    np.testing.assert_array_equal(again[1], counts)
    assert not np.array_equal(other[1], counts)


def test_a_refitted_count_prior_is_the_average_of_q_and_nothing_else_changes():
    model = tiny.model("glance")
    refitted = model.with_refitted_count(IMAGES)
    expected = model.infer(IMAGES).count_probs.mean(axis=0)
    np.testing.assert_allclose(np.exp(refitted.p.count), expected, atol=1e-4)
    assert eqx.tree_equal(eqx.tree_at(lambda m: m.p.count, refitted, model.p.count), model)


def test_bounds_are_repeatable_and_the_better_one_is_higher():
    model = tiny.model("lstm")
    low, high = model.elbo(IMAGES, seed=1), model.importance_weighted_bound(IMAGES, samples=20, seed=1)
    assert low.shape == high.shape == (5,)
    assert low.mean() < high.mean()
    np.testing.assert_array_equal(model.elbo(IMAGES, seed=1), low)
    np.testing.assert_array_equal(model.importance_weighted_bound(IMAGES, samples=20, seed=1), high)
    assert not np.array_equal(low, model.elbo(IMAGES, seed=2))


@pytest.mark.slow
@every_cell
def test_a_batch_of_one_and_one_of_256_agree(cell):
    model, images = tiny.model(cell), tiny.images(256)
    assert_same_scenes(model.infer(images, batch_size=1), model.infer(images), rtol=1e-4, atol=1e-5)
    for bound in (model.elbo, partial(model.importance_weighted_bound, samples=5)):
        np.testing.assert_allclose(bound(images, batch_size=1), bound(images), rtol=1e-4)
