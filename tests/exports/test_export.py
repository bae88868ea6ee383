import pytest

from attend.errors import AttendError
from attend.exports import Export, export_for, exports, folders, suffixes
from attend.scenes import Scenes


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.json", "coco"),
        ("b/c.csv", "csv"),
        ("c.parquet", "parquet"),
        ("d.e.npz", "npz"),
        ("e.geojson", "geojson-file"),
    ],
)
def test_a_suffix_chooses_the_format(path, name):
    assert export_for(path) is exports[name]


@pytest.mark.parametrize(("path", "found"), [("a.xml", "the suffix is '.xml'"), ("folder", "it has no suffix")])
def test_another_suffix_is_refused_with_what_there_is(path, found):
    with pytest.raises(AttendError, match=f"{path}: {found}; it must be .json, .*, or a folder with --format") as error:
        export_for(path)
    assert all(suffix in str(error.value) for suffix in suffixes())
    assert all(name in str(error.value) for name in folders())


def test_every_format_writes_what_it_says(make, tmp_path):
    for name, export in exports.items():
        export.check()
        path = tmp_path / f"{name}{export.suffix or ''}"
        export.write(make(1 if name == "geojson-file" else 8), path)
        assert path.is_dir() == (export.suffix is None)


@pytest.mark.parametrize("name", exports)
def test_a_full_disk_is_told_in_a_line_and_nothing_half_written_stays(make, tmp_path, full_disk, name):
    path = tmp_path / f"found{exports[name].suffix or ''}"
    with (
        full_disk(5),
        pytest.raises(AttendError, match=r"found.*: cannot be written \(.*File too large.*\)$") as caught,
    ):
        exports[name].write(make(1 if name == "geojson-file" else 8), path)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_npz_is_the_whole_posterior(make, tmp_path):
    results = make(inverted=True)
    exports["npz"].write(results, tmp_path / "found.npz")
    assert Scenes.from_npz(tmp_path / "found.npz") == results.scenes


def test_a_new_format_is_found_by_its_suffix(monkeypatch):
    monkeypatch.setattr(exports, "_entries", dict(exports))
    mine = Export(lambda results, path: None, suffix=".mine", needs="no_such_package")
    exports.register("mine")(mine)
    assert export_for("a.mine") is mine
    with pytest.raises(AttendError, match=r".mine: needs no_such_package, .* pip install 'attend\[export\]'"):
        mine.check()
