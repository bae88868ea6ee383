"""Results that were stored piece by piece are written as those that were never apart."""

import dataclasses

import numpy as np
import pyarrow.parquet as parquet
import pytest

from attend.errors import AttendError
from attend.exports import Results, StoredResults, exports
from attend.scenes import Scenes


def pieces_of(results, size):
    for first in range(0, len(results.scenes), size):
        rows = slice(first, first + size)
        views = None if results.views is None else results.views[rows]
        yield dataclasses.replace(results, scenes=results.scenes[rows], views=views, skipped=0, first=first)


def content(path):
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in files if file.is_file()}


@pytest.fixture(params=["named", "viewed", "inverted"])
def whole(request, make):
    names = tuple(f"{'deep/' * (i % 3)}{i}.png" for i in range(11))
    if request.param == "viewed":
        view = np.tile(np.array([7, 3, 46, 34, 60, 40], np.int64), (11, 1))
        return make(11, names=names, views=view, skipped=3)
    return make(11, inverted=True, channels=3) if request.param == "inverted" else make(11, names=names)


@pytest.mark.parametrize("name", exports)
def test_every_format_writes_the_same_bytes(whole, tmp_path, name):
    export = exports[name]
    kept = {"pixels": export.pixels, "masks": export.masks}
    if name == "geojson-file":
        whole = dataclasses.replace(whole, scenes=whole.scenes[3:4], views=None)
    stored = StoredResults(tmp_path / "pieces", **kept)
    stored.put(None, ["bad.png: empty"] * whole.skipped)
    for piece in pieces_of(whole, 4):
        stored.put(piece)
    paths = [tmp_path / f"{which}{export.suffix or ''}" for which in ("whole", "stored")]
    export.write(whole, paths[0])
    export.write(StoredResults(tmp_path / "pieces", **kept), paths[1])
    one, two = map(content, paths)
    assert one == two
    assert len(one) > 0


def test_the_npz_is_read_as_the_scenes_it_was_made_of(whole, tmp_path):
    stored = StoredResults(tmp_path / "pieces", pixels=True)
    for piece in pieces_of(whole, 3):
        stored.put(piece)
    exports["npz"].write(stored, tmp_path / "found.npz")
    assert Scenes.from_npz(tmp_path / "found.npz") == whole.scenes
    whole.scenes.to_npz(tmp_path / "whole.npz")
    assert (tmp_path / "found.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()


def test_what_shows_no_pixels_is_stored_without_them(make, tmp_path):
    results = make()
    sizes = {}
    for pixels in (True, False):
        stored = StoredResults(tmp_path / str(pixels), pixels=pixels)
        stored.put(results)
        sizes[pixels] = sum(map(len, content(tmp_path / str(pixels)).values()))
        (piece,) = stored.pieces()
        assert np.array_equal(piece.scenes.what, results.scenes.what)
        assert piece.scenes.images.shape == results.scenes.images.shape
        assert (piece.scenes.masks is not None) == pixels
    assert sizes[False] < sizes[True] / 3
    assert piece.scenes.images.strides == (0, 0, 0, 0)  # zeros that take no memory


def test_masks_alone_may_be_kept(make, tmp_path):
    results = make()
    stored = StoredResults(tmp_path, pixels=False, masks=True)
    stored.put(results)
    (piece,) = stored.pieces()
    assert np.array_equal(piece.scenes.masks, results.scenes.masks)
    assert not piece.scenes.patches.any()
    assert np.array_equal(piece.labels(3), results.labels(3))


def test_totals_and_lines_count_over_all_pieces(whole, tmp_path):
    stored = StoredResults(tmp_path, pixels=False)
    assert (len(stored), stored.totals(), stored.lines) == (0, (0, 0, 0), [])
    for number, piece in enumerate(pieces_of(whole, 5)):
        stored.put(piece, [f"{number}.png: empty"])
    again = StoredResults(tmp_path, pixels=False)
    for results in (stored, again):
        assert len(results) == 3
        assert results.totals() == (11, whole.scenes.counts.sum(), whole.scenes.counts.sum())
        assert results.lines == ["0.png: empty", "1.png: empty", "2.png: empty"]
    assert [piece.first for piece in again.pieces()] == [0, 5, 10]


def test_a_damaged_piece_is_named(make, tmp_path):
    stored = StoredResults(tmp_path, pixels=False)
    stored.put(Results(make().scenes))
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(AttendError, match=path.name):
        list(stored.pieces())


def test_a_large_table_is_written_in_groups_of_rows(make, tmp_path, monkeypatch):
    results = make(40)
    exports["parquet"].write(results, tmp_path / "one.parquet")
    monkeypatch.setattr("attend.exports.table.ROW_GROUP", 10)
    stored = StoredResults(tmp_path / "pieces", pixels=False)
    for piece in pieces_of(results, 4):
        stored.put(piece)
    exports["parquet"].write(stored, tmp_path / "many.parquet")
    one, many = (parquet.ParquetFile(tmp_path / f"{name}.parquet") for name in ("one", "many"))
    assert one.num_row_groups == 1 < many.num_row_groups
    assert one.read().equals(many.read())
