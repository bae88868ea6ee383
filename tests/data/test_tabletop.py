import numpy as np
import pytest

from attend.data import SceneData, load
from attend.errors import AttendError


@pytest.fixture(scope="module")
def scenes() -> SceneData:
    return load("tabletop", n=12, canvas=32, counts=(0, 2))


def test_scenes_say_what_is_in_them(scenes):
    used = np.arange(2) < scenes.counts[:, None]
    assert set(scenes.counts) == {0, 2}
    np.testing.assert_array_equal(scenes.labels >= 0, used)
    np.testing.assert_array_equal((scenes.boxes != 0).any(axis=2), used)
    np.testing.assert_array_equal((scenes.poses != 0).any(axis=2), used)
    assert abs(scenes.poses[used][:, :2]).max() <= 0.35
    assert set(scenes.labels[used]) <= {0, 1, 2}


def test_an_image_differs_from_the_bare_table_where_its_boxes_are_and_nowhere_else(scenes):
    bare = scenes.images[scenes.counts == 0][0].astype(int)
    rows, columns = np.mgrid[:32, :32]
    for image, boxes in zip(scenes.images, scenes.boxes, strict=True):
        differs = (abs(image - bare) > 12).any(axis=2)
        within = np.zeros((32, 32), bool)
        for x0, y0, width, height in boxes:
            inside = (columns >= x0) & (columns < x0 + width) & (rows >= y0) & (rows < y0 + height)
            if width:
                assert (differs & inside).sum() > 0.3 * width * height
            within |= inside
        assert not (differs & ~within).any()


def test_the_seed_and_the_split_decide(scenes):
    again = load("tabletop", n=12, canvas=32, counts=(0, 2))
    np.testing.assert_array_equal(again.images, scenes.images)
    np.testing.assert_array_equal(again.poses, scenes.poses)
    other = load("tabletop", split="test", n=12, canvas=32, counts=(0, 2))
    assert (other.poses != scenes.poses).any()


def test_scenes_survive_a_file(scenes, tmp_path):
    scenes.save(tmp_path / "table.npz")
    back = SceneData.load(tmp_path / "table.npz")
    for name in ("images", "counts", "boxes", "labels", "poses"):
        np.testing.assert_array_equal(getattr(back, name), getattr(scenes, name))


def test_rows_of_a_file_are_moved_together(scenes, tmp_path):
    fields = {name: getattr(scenes, name) for name in ("images", "boxes", "labels", "poses")}
    turned = {name: field if name == "images" else field[:, ::-1] for name, field in fields.items()}
    np.savez(tmp_path / "turned.npz", **turned)
    back = SceneData.load(tmp_path / "turned.npz")
    for row in np.flatnonzero(scenes.counts == 0):
        assert not back.poses[row].any()
    two = scenes.counts == 2
    np.testing.assert_array_equal(back.poses[two], scenes.poses[two][:, ::-1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"canvas": 8}, "canvas: 8; it must be 16 pixels or more"),
        ({"counts": (0, -1)}, "counts: "),
        ({"counts": (40,)}, "counts: 40 objects do not fit"),
        ({"size": (3, 4)}, "tabletop: takes no option 'size'"),
        ({"download": True}, "tabletop: is drawn on the fly"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(AttendError, match=message):
        load("tabletop", n=2, **options)


def test_a_single_object_is_always_there():
    scenes = load("objects-3d", n=3)
    assert scenes.image_shape == (32, 32, 3)
    assert (scenes.counts == 1).all()
