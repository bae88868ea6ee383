import zipfile

import numpy as np
import pytest

from attend.errors import AttendError
from attend.files import atomic_file, atomic_folder, read_npz, write_npz

ARRAYS = {"a": np.arange(6).reshape(2, 3), "b": np.array("text"), "c.d": np.zeros((0, 2), np.float32)}


def test_arrays_come_back_bit_for_bit(tmp_path):
    write_npz(tmp_path / "new" / "folder" / "x.npz", ARRAYS)
    found = read_npz(tmp_path / "new" / "folder" / "x.npz")
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("old")

    def interrupted():
        with atomic_file(path) as file:
            file.write(b"half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    with atomic_file(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_path_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(AttendError, match=r"file/x\.npz: cannot be written"):
        write_npz(tmp_path / "file" / "x.npz", ARRAYS)
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(AttendError, match=r"folder\.npz: cannot be written"):
        write_npz(tmp_path / "folder.npz", ARRAYS)
    with pytest.raises(AttendError, match=r"x\.npy: .*must end in \.npz"):
        write_npz(tmp_path / "x.npy", ARRAYS)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder.npz"]


def test_a_folder_appears_only_when_all_is_in_it(tmp_path):
    path = tmp_path / "new" / "folder"

    def interrupted():
        with atomic_folder(path) as folder:
            (folder / "half").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list((tmp_path / "new").iterdir())
    path.mkdir()  # an empty one may be there
    with atomic_folder(path) as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "x").write_text("whole")
        assert not list(path.iterdir())
    assert (path / "deep" / "x").read_text() == "whole"
    assert list((tmp_path / "new").iterdir()) == [path]


def test_a_folder_that_would_replace_something_or_cannot_be_is_refused_by_name(tmp_path):
    (tmp_path / "full" / "deep").mkdir(parents=True)
    (tmp_path / "file").touch()
    places = {"full": "is not empty", "file": "is a file", "file/folder": "cannot be written"}
    for name, line in places.items():
        with pytest.raises(AttendError, match=f"{name}: {line}"), atomic_folder(tmp_path / name):
            pass
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "full"]


def truncated(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def flipped(path):
    content = bytearray(path.read_bytes())
    content[content.index(b"a.npy") + 40] ^= 0xFF
    path.write_bytes(content)


def pickled(path):
    np.savez(path, a=np.array([{"run": "me"}], dtype=object))


def text(path):
    path.write_text("hello")


def no_arrays(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", b"not an array")


@pytest.mark.parametrize("damage", [truncated, flipped, pickled, text, no_arrays])
def test_a_damaged_or_foreign_file_is_refused_by_name(tmp_path, damage):
    path = tmp_path / "x.npz"
    write_npz(path, ARRAYS)
    damage(path)
    with pytest.raises(AttendError, match=r"x\.npz: (not an \.npz|cannot be read|a is no array)") as caught:
        read_npz(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused_by_name(tmp_path):
    for path in (tmp_path / "none.npz", tmp_path):
        with pytest.raises(AttendError, match="no such file"):
            read_npz(path)
