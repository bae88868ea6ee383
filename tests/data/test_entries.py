import os
import sys

import numpy as np
import pytest
from PIL import Image

from attend.data import Rules, load, read_images
from attend.errors import AttendError


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((3, 4), value, np.uint8)).save(path)


@pytest.fixture
def folder(tmp_path):
    """Images at several depths, and what is to be left alone."""
    for name, value in {"b.png": 2, "a.png": 1, "deep/er/c.PNG": 3, ".hidden.png": 9, ".git/d.png": 9}.items():
        write(tmp_path / "top" / name, value)
    (tmp_path / "top" / "notes.txt").write_text("not an image")
    (tmp_path / "top" / "c.png").mkdir()
    return tmp_path / "top"


def values(data):
    return data.images[:, 0, 0, 0].tolist()


def test_a_folder_is_read_at_every_depth_in_order(folder):
    data = read_images(folder)
    assert data.names == ("a.png", "b.png", "deep/er/c.PNG")
    assert values(data) == [1, 2, 3]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.png", ("a.png", "b.png")),
        ("[b-z].png", ("b.png",)),
        ("**/*.PNG", ("c.PNG",)),
        ("**/*", ("a.png", "b.png", "deep/er/c.PNG")),
    ],
)
def test_a_pattern_is_read_in_order_and_named_from_the_nearest_folder(folder, pattern, names):
    assert read_images(folder / pattern).names == names


def test_a_pattern_that_nothing_fits_is_refused(folder):
    with pytest.raises(AttendError, match=r"\*\.tif: holds no image"):
        load(folder / "*.tif")


def test_a_list_is_read_in_its_own_order_from_its_own_folder(folder, tmp_path, monkeypatch):
    path = tmp_path / "list.txt"
    path.write_text(f"# mine\ntop/b.png\n\n  {folder / 'a.png'}\ntop/deep/er/c.PNG\n")
    monkeypatch.chdir(folder)
    data = load(path)
    assert data.names == ("b.png", "a.png", "deep/er/c.PNG")
    assert values(data) == [2, 1, 3]
    path.write_text("top/b.png\ntop/absent.png\n")
    with pytest.warns(UserWarning, match=r"absent\.png: cannot be read as an image"):
        assert load(path).names == ("b.png",)
    path.write_text("# nothing\n")
    with pytest.raises(AttendError, match=r"list\.txt: holds no image"):
        load(path)
    path.write_bytes(b"\xff\xfe\0")
    with pytest.raises(AttendError, match=r"list\.txt: cannot be read as a list of paths"):
        load(path)


def test_names_never_lead_out_of_their_folder(folder, tmp_path):
    write(tmp_path / "other" / "z.png", 5)
    (folder / "list.txt").write_text(f"a.png\n{os.path.join('..', 'other', 'z.png')}\n")
    assert read_images(folder / "list.txt").names == ("top/a.png", "other/z.png")


@pytest.fixture
def saved(tmp_path):
    """A Hugging Face data set of three images and a damaged one, saved as it is and in splits."""
    import datasets  # here because it takes long to load

    cells = []
    for value in (1, 2, 3):
        write(tmp_path / "one.png", value)
        cells.append({"bytes": (tmp_path / "one.png").read_bytes(), "path": None})
    cells.insert(1, {"bytes": cells[0]["bytes"][:30], "path": None})
    features = datasets.Features({"label": datasets.Value("int64"), "picture": datasets.Image()})
    rows = datasets.Dataset.from_dict({"label": [0, 1, 2, 3], "picture": cells}, features=features)
    rows.save_to_disk(tmp_path / "rows")
    splits = {"train": rows.select([0]), "validation": rows.select([2]), "test": rows.select([3])}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "splits")
    datasets.DatasetDict({"only": rows.select([3])}).save_to_disk(tmp_path / "only")
    datasets.DatasetDict({"train": rows, "extra": rows}).save_to_disk(tmp_path / "no-test")
    rows.select_columns(["label"]).save_to_disk(tmp_path / "labels")
    return tmp_path


def test_a_hugging_face_data_set_gives_its_images(saved):
    with pytest.warns(UserWarning, match="rows: row 1: cannot be read as an image"):
        data = load(saved / "rows")
    assert values(data) == [1, 2, 3]
    assert data.names == ("000000", "000002", "000003")
    assert [values(load(saved / "splits", split=split)) for split in ("train", "valid", "test")] == [[1], [2], [3]]
    assert values(load(saved / "only", split="valid")) == [3]


def test_a_hugging_face_data_set_that_cannot_serve_is_refused(saved):
    with pytest.raises(AttendError, match="no-test: has the splits train, extra; the test split must be called test"):
        load(saved / "no-test", split="test")
    with pytest.raises(AttendError, match="labels: has the columns label; one must be of the type Image"):
        load(saved / "labels")
    for arrow in (saved / "rows").glob("*.arrow"):
        arrow.write_bytes(b"damaged")
    with pytest.raises(AttendError, match="rows: cannot be read as a Hugging Face data set"):
        load(saved / "rows")


def test_without_the_package_a_hugging_face_data_set_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "state.json").write_text("{}")
    (tmp_path / "dataset_info.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(AttendError, match=r"is a Hugging Face data set, which needs: pip install 'attend\[hf\]'"):
        load(tmp_path)


def test_options_of_a_path_are_rules(folder):
    assert load(folder, resize=(2, 2)).image_shape == (2, 2, 1)
    assert load(folder, rules=Rules(resize=(2, 2)), crop=(3, 3)).image_shape == (3, 3, 1)
    with pytest.raises(
        AttendError,
        match="takes no option 'canvas'; it takes resize, crop, tile, range, ground, channel, project, strict",
    ):
        load(folder, canvas=3)
    with pytest.raises(AttendError, match=r"range: .* has no image of more than 8 bits"):
        load(folder, range=(0, 10))
    assert load(folder, rules=Rules(range=(0, 10))).reading.rules.range is None


def test_a_scenes_file_is_inverted_on_light_ground_and_takes_no_other_rule(tmp_path):
    images = np.full((2, 6, 6), 240, np.uint8)
    images[:, 2, 2] = 0
    np.savez(tmp_path / "s.npz", images=images)
    data = load(tmp_path / "s.npz")
    assert np.array_equal(data.images[..., 0], 255 - images)
    assert data.reading.rules.ground == "light"
    assert np.array_equal(load(tmp_path / "s.npz", ground="dark").images[..., 0], images)
    assert np.array_equal(load(tmp_path / "s.npz", rules=Rules(crop=(2, 2), ground="dark")).images[..., 0], images)
    with pytest.raises(AttendError, match=r"s\.npz: a scenes file takes no option 'crop'; it takes ground"):
        load(tmp_path / "s.npz", crop=(2, 2))
