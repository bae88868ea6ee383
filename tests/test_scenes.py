import json

import numpy as np
import pytest

from attend.errors import AttendError
from attend.files import atomic_file
from attend.scenes import Scenes


def make_scenes(batch=3, objects=3, channels=1, seed=0, names=None, masks=True):
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return rng.random((batch, *shape), dtype=np.float32)

    return Scenes(
        images=draw(20, 30, channels),
        reconstructions=draw(20, 30, channels),
        where=draw(objects, 3),
        where_sd=draw(objects, 3),
        what=draw(objects, 5),
        what_sd=draw(objects, 5),
        count_probs=rng.dirichlet(np.ones(objects + 1), batch).astype(np.float32),
        boxes=draw(objects, 4) * 10 + 1,
        patches=draw(objects, 8, 8, channels),
        masks=draw(objects, 7, 7).astype(np.float16) if masks else None,
        names=names,
    )


def test_counts_and_presence_follow_from_the_count_distribution():
    scenes = make_scenes(batch=50)
    np.testing.assert_array_equal(scenes.counts, scenes.count_probs.argmax(1))
    for t in range(3):
        np.testing.assert_allclose(scenes.presence[:, t], scenes.count_probs[:, t + 1 :].sum(1), rtol=1e-5)
    assert (np.diff(scenes.presence, axis=1) <= 0).all()  # the chain: an object needs the one before it


def test_the_mean_count_is_the_sum_of_the_presences():
    scenes = make_scenes(batch=50)
    np.testing.assert_allclose(scenes.presence.sum(1), scenes.count_probs @ np.arange(4), rtol=1e-5)


@pytest.mark.parametrize("index", [0, -1, slice(1, None), slice(0, 0), [2, 0], np.array([True, False, True])])
def test_indexing_chooses_rows_of_everything(index):
    scenes = make_scenes(names=("a", "b", "c"))
    chosen = scenes[index]
    rows = np.atleast_1d(np.arange(3)[index])
    assert len(chosen) == len(rows)
    np.testing.assert_array_equal(chosen.boxes, scenes.boxes[rows])
    np.testing.assert_array_equal(chosen.images, scenes.images[rows])
    assert chosen.names == tuple("abc"[row] for row in rows)


def test_iterating_then_concatenating_is_the_identity():
    scenes = make_scenes(names=("a", "b", "c"))
    assert [len(scene) for scene in scenes] == [1, 1, 1]
    assert Scenes.concatenate(list(scenes)) == scenes


def test_concatenating_drops_names_that_not_all_have():
    assert Scenes.concatenate([make_scenes(names=("a", "b", "c")), make_scenes()]).names is None


def test_repr_tells_sizes_counts_and_boxes():
    scenes = make_scenes()
    text = str(scenes)
    counts = ", ".join(map(str, scenes.counts))
    assert text.splitlines()[0] == f"3 scenes of 20x30x1: counts {counts}"
    assert text.count("box x0=") == scenes.counts.sum()
    assert "box" not in str(make_scenes(batch=100))
    assert str(scenes[0]).startswith("1 scene of")
    assert str(scenes[:0]) == "0 scenes of 20x30x1: counts none"


@pytest.mark.parametrize("names", [None, ("a", "b.png", "ü")])
@pytest.mark.parametrize("masks", [True, False])  # those of older files have none
def test_npz_round_trip_is_exact(tmp_path, names, masks):
    scenes = make_scenes(channels=3, names=names, masks=masks)
    scenes.to_npz(tmp_path / "new" / "scenes.npz")
    assert Scenes.from_npz(tmp_path / "new" / "scenes.npz") == scenes
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["scenes.npz"]


def test_coco_holds_the_objects_up_to_the_count(tmp_path):
    scenes = make_scenes(batch=20, masks=False)
    scenes.to_coco(tmp_path / "scenes.json")
    coco = json.loads((tmp_path / "scenes.json").read_text())
    assert [image["count"] for image in coco["images"]] == scenes.counts.tolist()
    assert coco["images"][0]["file_name"] == "image-0"
    assert (coco["images"][0]["width"], coco["images"][0]["height"]) == (30, 20)
    assert coco["categories"] == [{"id": 1, "name": "object"}]
    assert len({a["id"] for a in coco["annotations"]}) == scenes.counts.sum() == len(coco["annotations"])
    for row, image in enumerate(coco["images"]):
        annotations = [a for a in coco["annotations"] if a["image_id"] == image["id"]]
        count = scenes.counts[row]
        boxes = np.array([a["bbox"] for a in annotations]).reshape(-1, 4)
        np.testing.assert_allclose(boxes, scenes.boxes[row, :count], atol=1e-5)
        np.testing.assert_allclose([a["score"] for a in annotations], scenes.presence[row, :count], atol=1e-5)


def test_concatenating_makes_room_for_the_most_objects_and_drops_masks_that_not_all_have():
    few, many = make_scenes(objects=2), make_scenes(objects=5, seed=1)
    both = Scenes.concatenate([few, many])
    assert both.boxes.shape == (6, 5, 4)
    assert both.counts.tolist() == [*few.counts, *many.counts]
    np.testing.assert_array_equal(both.masks[:3, :2], few.masks)
    assert not both.masks[:3, 2:].any()
    np.testing.assert_allclose(both.count_probs.sum(axis=1), 1, rtol=1e-5)
    assert Scenes.concatenate([few, make_scenes(objects=2, masks=False)]).masks is None


def test_concatenating_images_of_two_sizes_is_refused():
    with pytest.raises(AttendError, match="images are 20x30x1 and 20x30x3; they must be of one size"):
        Scenes.concatenate([make_scenes(), make_scenes(channels=3)])


@pytest.mark.parametrize("what", ["mask", "labels", "contours"])
def test_scenes_without_masks_say_so(what):
    scenes = make_scenes(masks=False)
    with pytest.raises(AttendError, match="masks: these scenes have none"):
        getattr(scenes, what)(*((0, 0) if what == "mask" else (0,)))


def test_expected_counts_are_the_means():
    scenes = make_scenes(batch=50)
    np.testing.assert_allclose(scenes.expected_counts, scenes.presence.sum(axis=1), rtol=1e-5)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_the_interval_leaves_no_more_than_half_of_the_rest_on_either_side(level):
    scenes = make_scenes(batch=200, objects=9)
    for (low, high), probs in zip(scenes.count_interval(level), scenes.count_probs, strict=True):
        tail = (1 - level) / 2 + 1e-6
        assert probs[:low].sum() <= tail < probs[: low + 1].sum() + 2e-6
        assert probs[high + 1 :].sum() <= tail < probs[high:].sum() + 2e-6


def test_the_interval_of_a_certain_count_is_that_count():
    scenes = make_scenes(batch=1, objects=4)
    sure = Scenes(**vars(scenes) | {"count_probs": np.eye(5, dtype=np.float32)[[3]]})
    assert sure.count_interval().tolist() == [[3, 3]]
    for level in (0.0, 1.0, 1.5):
        with pytest.raises(AttendError, match=f"level: is {level}"):
            sure.count_interval(level)


def damaged(tmp_path, change):
    arrays = {name: value for name, value in vars(make_scenes(names=("a", "b", "c"))).items() if value is not None}
    change(arrays)
    np.savez(tmp_path / "scenes.npz", **arrays)
    return tmp_path / "scenes.npz"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda arrays: arrays.pop("boxes"), "boxes is missing"),
        (lambda arrays: arrays.update(boxes=arrays["boxes"][:2]), r"boxes is float32 of shape \(2, 3, 4\)"),
        (lambda arrays: arrays.update(boxes=arrays["boxes"].astype(int)), "boxes is int64"),
        (lambda arrays: arrays.update(count_probs=arrays["count_probs"][:, 1:]), "count_probs"),
        (lambda arrays: arrays.update(masks=arrays["masks"][:, :2]), r"masks is float16 of shape \(3, 2, 7, 7\)"),
        (lambda arrays: arrays.update(names=np.array(["a"])), "names has shape"),
        (lambda arrays: arrays.update(boxes=np.array([{}])), "cannot be read as plain arrays"),  # needs pickle
    ],
)
def test_a_wrong_npz_is_refused_by_field(tmp_path, change, says):
    with pytest.raises(AttendError, match=says):
        Scenes.from_npz(damaged(tmp_path, change))


def test_unreadable_files_are_refused_by_name(tmp_path):
    with pytest.raises(AttendError, match="no such file"):
        Scenes.from_npz(tmp_path / "absent.npz")
    (tmp_path / "text.npz").write_text("hello")
    (tmp_path / "empty.npz").write_bytes(b"")
    make_scenes().to_npz(tmp_path / "cut.npz")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "cut.npz").read_bytes()[:-200])
    np.save(tmp_path / "one.npy", np.zeros(3))
    for name in ("text.npz", "empty.npz", "cut.npz", "one.npy"):
        with pytest.raises(AttendError, match=name):
            Scenes.from_npz(tmp_path / name)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def interrupted():
        with atomic_file(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(AttendError, match="cannot be written"), atomic_file(path / "inside"):
        pass


def test_plot_draws_and_saves(tmp_path):
    figure = make_scenes().plot(tmp_path / "scenes.png")
    assert (tmp_path / "scenes.png").stat().st_size > 0
    assert len(figure.axes) > 3
