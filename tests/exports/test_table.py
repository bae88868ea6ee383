"""Read back by pandas and by pyarrow."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

from attend.exports import Results, write_csv, write_parquet

READERS = {".csv": (write_csv, pd.read_csv), ".parquet": (write_parquet, pd.read_parquet)}


@pytest.mark.parametrize("suffix", READERS)
def test_a_row_is_an_object(make, tmp_path, suffix):
    write, read = READERS[suffix]
    results = make(names=('a,"b".png', "ü\n.png", *(f"{i}.png" for i in range(6))))
    write(results, tmp_path / f"found{suffix}")
    table = read(tmp_path / f"found{suffix}")
    scenes = results.scenes
    rows, indices = np.nonzero(np.arange(3) < scenes.counts[:, None])
    where = [f"where_{i}" for i in range(scenes.where.shape[2])]
    names = ["image", "index", "presence", "x0", "y0", "width", "height", *where, *(f"what_{i}" for i in range(5))]
    assert table.columns.tolist() == names
    assert table["image"].tolist() == [scenes.names[row] for row in rows]
    assert table["index"].tolist() == (indices + 1).tolist()
    np.testing.assert_allclose(table["presence"], scenes.presence[rows, indices], atol=1e-6)
    np.testing.assert_allclose(table[["x0", "y0", "width", "height"]], scenes.boxes[rows, indices], atol=1e-5)
    np.testing.assert_allclose(table[where], scenes.where[rows, indices], atol=1e-6)
    np.testing.assert_allclose(table.filter(like="what_"), scenes.what[rows, indices], atol=1e-6)


def test_columns_are_called_what_their_numbers_are(make, tmp_path):
    results = make()
    named = dataclasses.replace(results.scenes, where_names=("x_m", "y_m", "yaw_rad"), what_names=tuple("abcde"))
    write_csv(dataclasses.replace(results, scenes=named), tmp_path / "found.csv")
    table = pd.read_csv(tmp_path / "found.csv")
    assert table.columns.tolist()[7:] == ["x_m", "y_m", "yaw_rad", "a", "b", "c", "d", "e"]


def test_both_tables_are_the_same_and_tell_the_group_and_pixels_of_the_file(viewed, tmp_path):
    clusters = np.random.default_rng(0).integers(4, size=(8, 3))
    results = dataclasses.replace(viewed, clusters=clusters)
    for suffix, (write, _) in READERS.items():
        write(results, tmp_path / f"found{suffix}")
    one, two = (read(tmp_path / f"found{suffix}") for suffix, (_, read) in READERS.items())
    pd.testing.assert_frame_equal(one, two, check_dtype=False)
    present = np.arange(3) < viewed.scenes.counts[:, None]
    assert two["cluster"].tolist() == clusters[present].tolist()
    np.testing.assert_allclose(two["x0"], viewed.scenes.boxes[present][:, 0] * 46 / 30 + 7, atol=1e-4)


@pytest.mark.parametrize("suffix", READERS)
def test_no_object_is_a_table_with_columns_alone(make, tmp_path, suffix):
    write, read = READERS[suffix]
    write(Results(make().scenes[:1]), tmp_path / f"none{suffix}")  # the first has a count of 0
    table = read(tmp_path / f"none{suffix}")
    assert len(table) == 0
    assert "what_4" in table.columns


def test_columns_of_parquet_have_their_types(make, tmp_path):
    write_parquet(make(), tmp_path / "found.parquet")
    schema = parquet.read_schema(tmp_path / "found.parquet")
    assert [str(schema.field(name).type) for name in ("image", "index", "x0")] == ["string", "int64", "double"]
