import os

import numpy as np
import pytest

from attend.data import SceneData
from attend.errors import AttendError


def fields(n=4, rows=3, channels=1):
    rng = np.random.default_rng(0)
    counts = np.arange(n) % (rows + 1)
    used = np.arange(rows) < counts[:, None]
    return {
        "images": rng.integers(0, 256, (n, 6, 5, channels), dtype=np.uint8),
        "counts": counts,
        "boxes": np.where(used[..., None], rng.integers(1, 5, (n, rows, 4)), 0).astype(np.float32),
        "labels": np.where(used, rng.integers(0, 10, (n, rows)), -1),
    }


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("absent", [(), ("counts", "boxes", "labels"), ("labels",), ("boxes", "labels")])
def test_save_and_load_round_trip(tmp_path, channels, absent):
    given = {k: v for k, v in fields(channels=channels).items() if k not in absent}
    data = SceneData(**given)
    data.save(tmp_path / "scenes.npz")
    loaded = SceneData.load(tmp_path / "scenes.npz")
    for name in ("images", "counts", "boxes", "labels"):
        if name in given:
            assert np.array_equal(getattr(loaded, name), given[name])
            assert getattr(loaded, name).dtype == given[name].dtype
        else:
            assert getattr(loaded, name) is None
    with np.load(tmp_path / "scenes.npz") as archive:
        assert archive["images"].ndim == (3 if channels == 1 else 4)
    assert os.listdir(tmp_path) == ["scenes.npz"]


def test_a_failed_save_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    data = SceneData(**fields())
    data.save(tmp_path / "scenes.npz")
    before = (tmp_path / "scenes.npz").read_bytes()

    def fail(file, **arrays):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(AttendError, match=r"scenes\.npz: cannot be written \(No space left"):
        data.save(tmp_path / "scenes.npz")
    assert (tmp_path / "scenes.npz").read_bytes() == before
    assert os.listdir(tmp_path) == ["scenes.npz"]


def test_save_refuses_a_name_or_folder_it_cannot_write(tmp_path):
    with pytest.raises(AttendError, match=r"must end in \.npz"):
        SceneData(**fields()).save(tmp_path / "scenes.zip")
    (tmp_path / "file").touch()
    with pytest.raises(AttendError, match=r"file.*cannot be written"):
        SceneData(**fields()).save(tmp_path / "file" / "scenes.npz")


@pytest.mark.parametrize("index", [slice(1, 3), np.array([3, 0]), np.array([True, False, True, False]), 2, -1])
def test_indexing_picks_from_every_field(index):
    given = fields()
    data = SceneData(**given, names=("a", "b", "c", "d"))
    rows = np.atleast_1d(np.arange(4)[index])
    picked = data[index]
    assert len(picked) == len(rows)
    for name, value in given.items():
        assert np.array_equal(getattr(picked, name), value[rows])
    assert picked.names == tuple("abcd"[row] for row in rows)
    assert picked.image_shape == (6, 5, 1)


def change(name, at, to):
    """Fields of which one is `to` at the index `at`."""
    given = fields()
    given[name] = given[name].copy()
    given[name][at] = to
    return given


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            fields() | {"images": np.ones((4, 6, 5, 1), np.float32)},
            "images: dtype is float32; .*uint8.*by 255",
        ),
        (fields() | {"images": np.ones((4, 6, 5, 1), np.int64)}, "images: dtype is int64"),
        (fields() | {"images": np.ones((4, 6), np.uint8)}, r"images: shape is \(4, 6\)"),
        (fields() | {"images": np.ones((4, 6, 5, 2), np.uint8)}, r"images: shape is \(4, 6, 5, 2\)"),
        (fields() | {"images": np.ones((4, 0, 5, 1), np.uint8)}, "images: shape"),
        (fields() | {"counts": np.arange(3)}, r"counts: shape is \(3,\)"),
        (fields() | {"counts": np.ones(4)}, "counts: dtype is float64"),
        (fields() | {"boxes": np.ones((4, 3), np.float32)}, r"boxes: shape is \(4, 3\)"),
        (fields() | {"boxes": np.ones((4, 3, 5), np.float32)}, r"boxes: shape is \(4, 3, 5\)"),
        (fields() | {"labels": np.ones(4, np.int64)}, r"labels: shape is \(4,\)"),
        (fields() | {"labels": np.full((4, 2), -1)}, "counts: image 1 .* labels"),
        (
            fields() | {"labels": np.full((4, 2), -1), "counts": None},
            "labels: there are 2 rows an image but boxes has 3",
        ),
        (fields() | {"names": ("a",)}, "names: there are 1 for 4 images"),
        (change("counts", at=0, to=-1), "counts: -1 is negative"),
        (change("counts", at=1, to=2), "counts: image 1 has another count than used rows in boxes"),
        (
            change("counts", at=1, to=2) | {"boxes": None},
            "counts: image 1 has another count than used rows in labels",
        ),
        (change("boxes", at=(2, 1), to=0), "counts: image 2"),
        (change("boxes", at=(2, 1, 2), to=-3), "boxes: image 2 has a box"),
        (change("boxes", at=(2, 1, 0), to=np.nan), "boxes: image 2 has a box that is not finite"),
        (change("boxes", at=(2, 0), to=0), "boxes: image 2 has an unused row before a used one"),
        (change("labels", at=(3, 2), to=-2), "labels: image 3 has a label below -1"),
        (
            change("labels", at=(3, 2), to=-1) | {"counts": None},
            "labels: image 3 has other used rows than in boxes",
        ),
    ],
)
def test_a_field_that_is_wrong_is_named(given, line):
    with pytest.raises(AttendError, match=f"^{line}"):
        SceneData(**given)


def test_load_accepts_what_others_write(tmp_path):
    given = fields()
    boxes, labels = given["boxes"][:, ::-1], given["labels"][:, ::-1]
    path = save(
        tmp_path / "s.npz",
        images=given["images"][..., 0],
        boxes=boxes.astype(int),
        labels=labels.astype(np.int8),
    )
    data = SceneData.load(path)
    assert np.array_equal(data.counts, given["counts"])  # counted from the boxes
    # Used rows came last; they are moved to the front, in their order.
    assert np.array_equal(data.boxes[2], np.concatenate([boxes[2, 1:], boxes[2, :1]]))
    assert np.array_equal(data.labels[2], np.concatenate([labels[2, 1:], labels[2, :1]]))
    path = save(tmp_path / "t.npz", images=given["images"], labels=labels)
    assert np.array_equal(SceneData.load(path).counts, given["counts"])


@pytest.mark.parametrize(
    ("arrays", "line"),
    [
        ({"pictures": np.ones(3)}, "holds pictures; a scenes file must hold images"),
        ({}, "holds no array"),
        ({"images": np.ones((2, 5, 5))}, "images: dtype is float64; it must be uint8, 0 to 255 .multiply"),
        ({"images": np.ones((2, 5), np.uint8)}, "images: shape"),
        ({"images": np.ones((0, 5, 5), np.uint8)}, "images: shape is .*at least one"),
        ({"images": np.ones((2, 5, 5, 4), np.uint8)}, "images: shape"),
        ({"images": np.ones((2, 5, 5), np.uint8), "counts": np.array([1, -1])}, "counts: -1 is negative"),
        (
            {"images": np.ones((2, 5, 5), np.uint8), "counts": np.array([1.0, 2.0])},
            "counts: dtype is float64",
        ),
        ({"images": np.ones((2, 5, 5), np.uint8), "labels": np.array([1, 2])}, "labels: .* give mnist:"),
        (
            {
                "images": np.ones((2, 5, 5), np.uint8),
                "counts": np.array([1, 1]),
                "boxes": np.zeros((2, 1, 4)),
            },
            "counts: image 0 has another count",
        ),
    ],
)
def test_a_bad_scenes_file_is_named_with_its_field(tmp_path, arrays, line):
    path = save(tmp_path / "bad.npz", **arrays)
    with pytest.raises(AttendError, match=rf"bad\.npz: {line}"):
        SceneData.load(path)


def test_what_is_no_npz_is_named(tmp_path):
    with pytest.raises(AttendError, match=r"absent\.npz: no such file"):
        SceneData.load(tmp_path / "absent.npz")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(AttendError, match=r"text\.npz: not an \.npz"):
        SceneData.load(tmp_path / "text.npz")
    pickled = save(tmp_path / "pickled.npz", images=np.array([{}], dtype=object))
    with pytest.raises(AttendError, match=r"pickled\.npz: cannot be read as plain arrays"):
        SceneData.load(pickled)


def test_a_damaged_npz_is_named(tmp_path):
    SceneData(**fields(n=200)).save(tmp_path / "good.npz")
    content = (tmp_path / "good.npz").read_bytes()
    for kept in (0, 10, len(content) // 2, len(content) - 1):
        (tmp_path / "cut.npz").write_bytes(content[:kept])
        with pytest.raises(AttendError, match=r"cut\.npz"):
            SceneData.load(tmp_path / "cut.npz")
    flipped = bytearray(content)
    flipped[len(content) // 3] ^= 0xFF
    (tmp_path / "flipped.npz").write_bytes(flipped)
    with pytest.raises(AttendError, match=r"flipped\.npz"):
        SceneData.load(tmp_path / "flipped.npz")
