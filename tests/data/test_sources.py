import numpy as np
import pytest
from PIL import Image

from attend.data import DEFAULT_N, SPLITS, SceneData, datasets, load
from attend.data.digits import digit_glyphs
from attend.data.splits import split_glyphs
from attend.errors import AttendError


@pytest.fixture
def scenes_file(tmp_path):
    images = np.arange(7 * 4 * 4, dtype=np.uint8).reshape(7, 4, 4, 1)
    SceneData(images, counts=np.arange(7)).save(tmp_path / "scenes.npz")
    return tmp_path / "scenes.npz"


def test_the_registry_names_the_data_sets():
    assert set(datasets) == {"digits", "mnist", "objects-3d", "omniglot", "sprites", "tabletop"}


def test_digits_look_like_mnist():
    glyphs, classes = digit_glyphs()
    assert glyphs.shape == (1797, 28, 28)
    assert glyphs.dtype == np.uint8
    assert set(classes) == set(range(10))
    assert glyphs.max() > 240
    assert (glyphs[:, [0, 1, -2, -1]] == 0).all()
    assert (glyphs[:, :, [0, 1, -2, -1]] == 0).all()
    rows = (glyphs >= 26).any(axis=2)
    height = 28 - rows[:, ::-1].argmax(axis=1) - rows.argmax(axis=1)
    assert 18 <= np.median(height) <= 22


def test_splits_of_the_digits_share_no_image_and_lose_none():
    glyphs, classes = digit_glyphs()
    parts = [split_glyphs(np.arange(len(glyphs)), classes, split)[0] for split in SPLITS]
    assert np.array_equal(np.concatenate(parts), np.arange(len(glyphs)))
    assert [len(part) for part in parts] == [1461, 112, 224]


def test_scenes_use_only_glyphs_of_their_split(tmp_path):
    # Each split's glyphs have a brightness of their own, which a scene of one flat glyph shows.
    brightness = np.repeat([100, 150, 200], [52, 4, 8]).astype(np.uint8)
    images = np.broadcast_to(brightness[:, None, None], (64, 28, 28))
    np.savez(tmp_path / "flat.npz", images=images, labels=np.zeros(64, int))
    for split, value in zip(SPLITS, (100, 150, 200), strict=True):
        scenes = load(f"mnist:{tmp_path / 'flat.npz'}", split=split, n=100, counts=(1,)).images
        assert set(np.unique(scenes)) == {0, value}


def test_seed_and_split_each_change_the_scenes():
    scenes = [load("digits", split=split, n=30, seed=seed) for split in SPLITS for seed in (0, 1)]
    places = [data.counts.tobytes() + data.boxes.tobytes() for data in scenes]
    assert len(set(places)) == 6
    assert np.array_equal(scenes[0].images, load("digits", n=30).images)


def test_default_sizes():
    assert DEFAULT_N == {"train": 60_000, "valid": 1_000, "test": 10_000}
    assert len(load("digits", split="valid")) == 1_000


def test_compose_options_reach_the_composer():
    data = load("digits", n=10, canvas=64, counts=(3,), size=(10, 12), max_objects=5)
    assert data.image_shape == (64, 64, 1)
    assert data.boxes.shape == (10, 5, 4)
    assert (data.counts == 3).all()


@pytest.mark.parametrize("split", SPLITS)
def test_a_scenes_file_is_whole_in_every_split(scenes_file, split):
    data = load(scenes_file, split=split)
    assert data.counts.tolist() == list(range(7))
    assert len(load(str(scenes_file), split=split, n=3)) == 3


def test_images_by_path(tmp_path):
    Image.fromarray(np.full((4, 5), 7, np.uint8)).save(tmp_path / "a.png")
    assert load(tmp_path).names == load(tmp_path / "a.png").names == ("a.png",)


def test_what_cannot_be_met_is_refused_by_name(scenes_file, tmp_path):
    with pytest.raises(AttendError, match=r"absent: is neither a data set .digits, .*, omniglot:PATH. nor"):
        load("absent")
    with pytest.raises(AttendError, match="digits: takes no option 'canvass'; it takes canvas, counts, size"):
        load("digits", n=5, canvass=3)
    with pytest.raises(AttendError, match=r"digits: .* neither a path nor download"):
        load("digits", n=5, download=True)
    with pytest.raises(AttendError, match=r"digits: .* neither a path nor download"):
        load("digits:somewhere", n=5)
    with pytest.raises(AttendError, match=r"scenes\.npz: a scenes file takes no option 'canvas'"):
        load(scenes_file, canvas=50)
    with pytest.raises(AttendError, match=r"scenes\.npz: holds 7 scenes; n is 8"):
        load(scenes_file, n=8)
    with pytest.raises(AttendError, match="n: 0 scenes"):
        load(scenes_file, n=0)
    with pytest.raises(AttendError, match="split: 'training' is unknown; it must be one of train, valid, test"):
        load("digits", split="training")
    (tmp_path / "empty").mkdir()
    with pytest.raises(AttendError, match="holds no image"):
        load(tmp_path / "empty")
