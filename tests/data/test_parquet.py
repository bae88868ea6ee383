"""Images in rows of Parquet are read as those of files are."""

import pickle
import sys
from io import BytesIO

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from attend.data import load
from attend.data.entries import entries
from attend.errors import AttendError


def png(value):
    file = BytesIO()
    Image.fromarray(np.full((3, 4), value, np.uint8)).save(file, "PNG")
    return file.getvalue()


def write(path, values, **options):
    """As Hugging Face writes them, but in small groups of rows."""
    path.parent.mkdir(exist_ok=True)
    rows = [{"bytes": png(value), "path": None} for value in values]
    parquet.write_table(pa.table({"label": values, "image": rows}), path, **{"row_group_size": 2} | options)


def values(data):
    return data.images[:, 0, 0, 0].tolist()


def test_rows_follow_each_other_file_by_file_and_are_named_by_their_place(tmp_path):
    write(tmp_path / "top" / "b.parquet", [3, 4])
    write(tmp_path / "top" / "a.parquet", [0, 1, 2])
    write(tmp_path / "top" / ".hidden.parquet", [9])
    names = ("a.parquet/000000", "a.parquet/000001", "a.parquet/000002", "b.parquet/000000", "b.parquet/000001")
    for source in (tmp_path / "top", tmp_path / "top" / "*.parquet"):
        data = load(source, ground="dark")
        assert data.names == names
        assert values(data) == [0, 1, 2, 3, 4]
    assert load(tmp_path / "top" / "b.parquet").names == ("b.parquet/000000", "b.parquet/000001")
    (tmp_path / "list.txt").write_text("top/b.parquet\ntop/a.parquet\n")
    assert values(load(tmp_path / "list.txt", ground="dark")) == [3, 4, 0, 1, 2]


def test_a_folder_with_images_of_its_own_is_read_for_those(tmp_path):
    write(tmp_path / "labels.parquet", [1])
    (tmp_path / "own.png").write_bytes(png(7))
    assert values(load(tmp_path, ground="dark")) == [7]


def test_bytes_alone_and_paths_are_images_too_and_what_is_missing_is_skipped(tmp_path):
    (tmp_path / "own.png").write_bytes(png(7))
    rows = [{"bytes": None, "path": str(tmp_path / "own.png")}, {"bytes": None, "path": None}, None]
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    parquet.write_table(pa.table({"picture": pa.array(rows, kind)}), tmp_path / "paths.parquet")
    with pytest.warns(UserWarning, match=r"paths\.parquet: row [12]: holds no image; skipped"):
        assert values(load(tmp_path / "paths.parquet", ground="dark")) == [7]
    parquet.write_table(pa.table({"x": pa.array([png(5)], pa.large_binary())}), tmp_path / "bytes.parquet")
    assert values(load(tmp_path / "bytes.parquet", ground="dark")) == [5]


def test_rows_can_be_sent_to_another_process_and_cut(tmp_path, monkeypatch):
    write(tmp_path / "a.parquet", [0, 1, 2, 3, 4])
    monkeypatch.chdir(tmp_path)
    found = entries("a.parquet", "test")
    sent = pickle.loads(pickle.dumps(found))
    monkeypatch.chdir("/")
    assert found.in_rows
    assert [sent[i].name for i in range(5)] == [entry.name for entry in found]
    assert [entry.content() for entry in sent] == [png(value) for value in range(5)]
    assert [(entry.place, entry.content()) for entry in sent.part(3, 9)] == [
        (f"a.parquet: row {value}", png(value)) for value in (3, 4)
    ]
    part = found.part(1, 4)
    assert part.together.tolist() == [1, 2]
    assert [entry.content() for entry in part] == [png(1), png(2), png(3)]


def test_what_is_no_parquet_or_has_no_images_is_refused(tmp_path, monkeypatch):
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    with pytest.raises(AttendError, match=r"bad\.parquet: cannot be read as Parquet"):
        load(tmp_path / "bad.parquet")
    parquet.write_table(pa.table({"a": [1], "b": ["x"]}), tmp_path / "none.parquet")
    with pytest.raises(AttendError, match=r"has the columns a, b; one must hold image files, as bytes"):
        load(tmp_path / "none.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(AttendError, match=r"is of Parquet, which needs: pip install 'attend\[stream\]'"):
        load(tmp_path / "none.parquet")
