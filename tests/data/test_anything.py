"""Whatever form images have in Python, they are taken by the rules of files, or refused in a line that helps."""

import warnings

import jax.numpy as jnp
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from attend.data import SceneData, as_images, load, read_images
from attend.data.arrays import as_stack
from attend.errors import AttendError

RNG = np.random.default_rng(0)
GREY = RNG.integers(256, size=(5, 8, 9), dtype=np.uint8)
COLOUR = RNG.integers(256, size=(5, 8, 9, 3), dtype=np.uint8)


def silently(*arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return as_images(*arguments, **options)


def noting(match, *arguments, **options):
    with pytest.warns(UserWarning, match=match) as caught:
        found = as_images(*arguments, **options)
    assert all("\n" not in str(warning.message) for warning in caught)
    return found


WELL_FORMED = st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(5, 9)).flatmap(
    lambda shape: st.sampled_from([shape, (*shape, 1), (*shape, 3)])
)


@given(images=WELL_FORMED.flatmap(lambda shape: arrays.arrays(np.uint8, shape)))
def test_well_formed_arrays_are_taken_as_they_are(images):
    four = images if images.ndim == 4 else images[..., None]
    found = silently(images)
    assert found.dtype == np.uint8
    assert np.array_equal(found, four)
    floats = silently(images / 255.0)
    assert floats.dtype == np.float32
    assert np.array_equal(floats, (four / 255.0).astype(np.float32))
    assert np.array_equal(silently(jnp.asarray(images)), four)
    assert np.array_equal(silently(list(images)), four)


def test_one_image():
    assert np.array_equal(noting("one image", GREY[0]), GREY[:1, ..., None])
    assert np.array_equal(noting("one image", COLOUR[0]), COLOUR[:1])
    assert np.array_equal(silently(Image.fromarray(COLOUR[0])), COLOUR[:1])
    assert np.array_equal(noting("one image", COLOUR[0], size=(8, 9, 3)), COLOUR[:1])


def test_channels_first():
    first = np.moveaxis(COLOUR, 3, 1)
    assert np.array_equal(noting("second axis", first), COLOUR)
    assert np.array_equal(noting("second axis", GREY[:, None]), GREY[..., None])
    with pytest.raises(AttendError, match=r"may be one image of 3 channels or 3 grey images; give numpy\.moveaxis"):
        as_images(first[0], size=(8, 9, 3))
    assert np.array_equal(silently(first[0]), first[0][..., None])  # three grey images, as ever


def test_alpha_is_on_black():
    alpha = np.full((5, 8, 9, 1), 51, np.uint8)
    found = noting("alpha", np.concatenate([COLOUR, alpha], axis=3))
    assert abs(found - COLOUR / 5).max() <= 0.5
    pillow = Image.fromarray(np.concatenate([COLOUR, alpha], axis=3)[0])
    assert abs(as_images(pillow)[0].astype(int) - found[0]).max() <= 1


@pytest.mark.parametrize(
    ("images", "expected", "said"),
    [
        (GREY > 100, np.where(GREY > 100, 255, 0), "False becomes black"),
        ((GREY > 100).astype(np.int64), np.where(GREY > 100, 255, 0), "0 becomes black, 1 white"),
        (GREY.astype(np.int64), GREY, "are taken for 8 bits"),
        (GREY.tolist(), GREY, "are taken for 8 bits"),
        (GREY.astype(np.float64), GREY / 255, "are taken for 0 to 255"),
    ],
)
def test_other_types_of_pixels(images, expected, said):
    np.testing.assert_allclose(noting(said, images)[..., 0], expected, atol=1e-6)


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_deep_pixels_become_what_they_become_in_a_file(tmp_path, kind):
    deep = (GREY.astype(kind) + 1000) * 3
    tifffile.imwrite(tmp_path / "x.tif", deep, photometric="minisblack")
    expected = load(tmp_path / "x.tif", ground="dark").images
    assert np.array_equal(noting("becomes black", deep), expected)
    bounds = (2000, 4000)
    expected = load(tmp_path / "x.tif", ground="dark", range=bounds).images
    assert np.array_equal(silently(deep, range=bounds), expected)


def test_a_list_may_hold_several_sizes_if_a_rule_says_what_to_do():
    several = [GREY[0], GREY[1, :6], COLOUR[2], Image.fromarray(GREY[3])]
    line = r"image 0 is 8x9 \(height x width\) but image 1 is 6x9; all must have one size: give .*as_images\(images"
    with pytest.raises(AttendError, match=line):
        as_images(several)
    assert as_images(several, resize=(4, 5)).shape == (4, 4, 5, 3)
    assert np.array_equal(as_images(several, crop=(6, 9))[1, ..., 0], GREY[1, :6])
    assert as_images(several, tile=(3, 3)).shape == (6 * 3 + 6, 3, 3, 3)
    assert np.array_equal(as_images(GREY, crop=(4, 9))[..., 0], GREY[:, 2:6])
    with pytest.raises(AttendError, match=r"the model knows 8x9: give attend\.data\.as_images"):
        as_images(several, size=(8, 9, 1))


def test_paths_are_read_by_the_rules_of_files(tmp_path):
    for number, image in enumerate(GREY):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    expected = read_images(tmp_path).images
    for source in (
        tmp_path,
        str(tmp_path),
        sorted(tmp_path.iterdir()),
        [str(path) for path in sorted(tmp_path.iterdir())],
    ):
        assert np.array_equal(as_images(source), expected)
    ink = np.full((8, 9), 250, np.uint8)
    ink[2:5, 2:5] = 10
    Image.fromarray(ink).save(tmp_path / "ink.png")
    assert np.array_equal(noting("objects are darker", tmp_path / "ink.png")[0, ..., 0], 255 - ink)
    assert np.array_equal(silently([tmp_path / "ink.png"], ground="dark")[0, ..., 0], ink)
    assert np.array_equal(as_images(ink[None], ground="light")[0, ..., 0], 255 - ink)
    assert np.array_equal(silently(ink[None])[0, ..., 0], ink)  # what is in memory is left as it is
    assert np.array_equal(silently(SceneData(GREY[..., None])), GREY[..., None])


def test_the_channels_and_the_size_that_are_wanted():
    assert noting("Rec. 601", COLOUR, size=(8, 9, 1)).shape == (5, 8, 9, 1)
    assert noting("repeated", GREY, size=(8, 9, 3)).shape == (5, 8, 9, 3)
    with pytest.raises(AttendError, match=r"are 8x9x1 .*; the model knows 9x9x1: give attend\.data\.as_images\("):
        as_images(GREY, size=(9, 9, 1))


@pytest.mark.parametrize(
    ("images", "line"),
    [
        (np.zeros((2, 8, 9, 5), np.uint8), r"give one channel, such as images\[\.\.\., \[0\]\], of the 5"),
        (np.zeros((2, 2, 8, 9, 3), np.uint8), r"shape is \(2, 2, 8, 9, 3\); it must be"),
        (np.zeros(5, np.uint8), r"shape is \(5,\)"),
        (np.full((2, 8, 9), "x"), "dtype is <U1"),
        ([], "shape is|there are none"),
        ([[1, 2], [3]], "no array can be made of them"),
        ([np.zeros((3, 4)), np.zeros(5)], r"the one of number 1 has shape \(5,\)"),
        ([np.zeros((5, 6)), np.zeros((5, 6, 3), np.uint8)], "all must be of one type"),
        (np.array([[[0.5, 1.7]]]), r"reach from 0\.5 to 1\.7; floats must be in \[0, 1\], or give .*range=\(LOW, "),
        (np.array([[[-0.5, 1]]]), r"reach from -0\.5 to 1; floats must be in \[0, 1\]"),
        (np.array([[[0.1, 0.5, 0.3, 255.0]]]), r"reach from 0\.1 to 255; floats must be in \[0, 1\]"),
        (np.array([[[-3, 1000]]]), "reach from -3 to 1000"),
        (np.array([[[np.nan, 1]]]), "image 0 has a pixel that is NaN or infinite"),
        (object(), "dtype is object"),
        ("no/such/folder", "is neither a data set"),
        (["no/such.png"], r"no/such\.png: cannot be read|no/such\.png: no such"),
    ],
)  # fmt: skip
def test_what_is_no_image_or_could_be_two_things_is_refused(images, line):
    with pytest.raises(AttendError, match=line) as caught:
        as_images(images)
    assert "\n" not in str(caught.value)


@given(
    array=st.lists(st.integers(0, 6), min_size=0, max_size=5).flatmap(
        lambda shape: arrays.arrays(st.sampled_from([np.uint8, np.float64, np.int32, bool]), tuple(shape))
    )
)
def test_any_array_is_taken_or_refused(array):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = as_images(array)
        except AttendError:
            return
    assert found.ndim == 4
    assert found.shape[3] in (1, 3)
    assert found.dtype in (np.uint8, np.float32)


def test_npy_files_have_the_axes_of_arrays(tmp_path):
    for name, array in {"one": GREY[0], "grey": GREY, "colour": COLOUR, "first": np.moveaxis(COLOUR, 3, 1)}.items():
        np.save(tmp_path / f"{name}.npy", array)
        data = load(tmp_path / f"{name}.npy", ground="dark")
        assert np.array_equal(data.images, as_stack(array)[0])
        assert len(data.names) == len(data.images)
    np.save(tmp_path / "bits.npy", GREY > 100)
    assert np.array_equal(load(tmp_path / "bits.npy", ground="dark").images[..., 0], np.where(GREY > 100, 255, 0))
    np.save(tmp_path / "deep.npy", GREY.astype(np.float64) * 10)
    assert load(tmp_path / "deep.npy", ground="dark", range=(0, 2550)).images[..., 0].tolist() == GREY.tolist()


def test_npy_files_are_never_unpickled_and_odd_ones_are_named(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], object), allow_pickle=True)
    np.save(tmp_path / "empty.npy", np.zeros((0, 8, 9), np.uint8))
    np.save(tmp_path / "text.npy", np.full((5, 5), "x"))
    np.save(tmp_path / "nan.npy", np.full((5, 5), np.nan))
    np.save(tmp_path / "five.npy", np.zeros((2, 5, 6, 7, 3)))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "nan.npy").read_bytes()[:-9])
    for path in sorted(tmp_path.glob("*.npy")):
        with pytest.raises(AttendError, match=rf"{path.name}: (holds|cannot be read|images: shape)"):
            load(path)


def test_gif_and_jpeg_2000(tmp_path):
    frames = [Image.fromarray(image) for image in GREY[:3]]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    assert np.array_equal(load(tmp_path / "x.gif", ground="dark").images[..., 0], GREY[:3])
    Image.fromarray(COLOUR[0]).save(tmp_path / "x.jp2", irreversible=False)
    assert np.array_equal(load(tmp_path / "x.jp2", ground="dark").images[0], COLOUR[0])
    deep = GREY[0].astype(np.uint16) * 200
    Image.fromarray(deep).save(tmp_path / "deep.jp2", irreversible=False)
    data = load(tmp_path / "deep.jp2", ground="dark", range=(0, 51_000))
    assert np.array_equal(data.images[0, ..., 0], GREY[0])
