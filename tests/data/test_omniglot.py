import hashlib
import io
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from attend.data import load, omniglot
from attend.errors import AttendError

DRAWERS = (1, 2, 18, 19, 20)
ALPHABETS = ("Aleph", "Braille", "Cree", "Dogri", "Ewe", "Fula")


def png(side=105, ink=slice(20, 40)):
    """A bar of ink on white paper."""
    pixels = np.full((side, side), 255, np.uint8)
    pixels[ink, 10:95] = 0
    file = io.BytesIO()
    Image.fromarray(pixels).convert("1").save(file, "PNG")
    return file.getvalue()


def strokes(count):
    return "START\n" + "1.5,-2.0,0\n3.0,-2.5,17\nBREAK\n" * count


def count_of(name):
    """Each drawing's number of strokes in the tests: 1 to 5, told by its name."""
    return sum(map(ord, name)) % 5 + 1


def names(alphabets=ALPHABETS):
    return [f"{alphabet}/character01/0001_{drawer:02}" for alphabet in alphabets for drawer in DRAWERS]


def write_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def write_images(path, top="images_background", alphabets=ALPHABETS):
    return write_zip(path, {f"{top}/{name}.png": png() for name in names(alphabets)})


def write_strokes(path, top="strokes_background", alphabets=ALPHABETS):
    resource_forks = {f"__MACOSX/{top}/Aleph/character01/._0001_01.txt": b"\0\5\26\7"}
    return write_zip(path, {f"{top}/{name}.txt": strokes(count_of(name)) for name in names(alphabets)} | resource_forks)


@pytest.fixture
def folder(tmp_path):
    """Drawings and strokes of six alphabets, in zips of any name."""
    write_images(tmp_path / "one.zip")
    write_strokes(tmp_path / "two.zip")
    write_zip(tmp_path / "unrelated.zip", {"letters/readme.txt": "nothing"})
    return tmp_path


def test_white_ink_on_black_at_the_size_asked_for(folder):
    data = load(f"omniglot:{folder}")
    assert data.image_shape == (50, 50, 1)
    assert (data.images[:, 12, 10:40] == 255).all()  # rows 20..40 of 105 are rows 9.5..19 of 50
    assert not data.images[:, :8].any()
    assert not data.images[:, 21:].any()
    original = load(f"omniglot:{folder}", canvas=105).images
    assert (original[:, 20:40, 10:95] == 255).all()
    assert original.sum() == 255 * 20 * 85 * len(original)


def test_counts_are_pen_strokes(folder):
    data = load(f"omniglot:{folder}")
    assert data.counts.tolist() == [count_of(name) for name in data.names]
    assert data.boxes is None
    assert data.labels is None
    (folder / "two.zip").unlink()
    assert load(f"omniglot:{folder}").counts is None
    assert load(f"omniglot:{folder / 'one.zip'}").counts is None


def test_splits_are_by_alphabet_and_drawer(folder):
    parts = {split: set(load(f"omniglot:{folder}", split=split).names) for split in ("train", "valid", "test")}
    assert set.union(*parts.values()) == set(names())
    assert sum(map(len, parts.values())) == len(names())  # disjoint
    assert {name.partition("/")[0] for name in parts["test"]} == {"Ewe", "Fula"}  # a fifth of 6, rounded up
    assert {name[-2:] for name in parts["train"]} == {"01", "02", "18"}
    assert {name[-2:] for name in parts["valid"]} == {"19", "20"}


def test_the_official_evaluation_set_is_for_testing(folder):
    write_images(folder / "three.zip", "images_evaluation", ["Bopomofo"])
    write_strokes(folder / "four.zip", "strokes_evaluation", ["Bopomofo"])
    test, train = (load(f"omniglot:{folder}", split=split) for split in ("test", "train"))
    assert sorted(test.names) == names(["Bopomofo"])
    assert {name.partition("/")[0] for name in train.names} == set(ALPHABETS)


def test_the_same_drawings_in_two_zips_count_once(folder):
    before = load(f"omniglot:{folder}")
    write_images(folder / "small.zip", "images_background_small1", ALPHABETS[:3])
    after = load(f"omniglot:{folder}")
    assert after.names == before.names


def test_seed_shuffles_and_n_takes_the_first(folder):
    first, again, other = (load(f"omniglot:{folder}", seed=seed) for seed in (0, 0, 1))
    assert first.names == again.names
    assert first.names != other.names
    assert sorted(first.names) == sorted(other.names)
    few = load(f"omniglot:{folder}", n=4)
    assert few.names == first.names[:4]
    assert few.counts.tolist() == first.counts[:4].tolist()


def test_what_cannot_be_met_is_refused(folder, tmp_path):
    source = f"omniglot:{folder}"
    for options, line in (
        ({"n": 13}, "the train split holds 12 drawings; n is 13"),
        ({"counts": (1,)}, "omniglot: takes no option 'counts'; it takes canvas"),
        ({"canvas": 0}, "canvas: 0"),
        ({"seed": -1}, "seed: -1"),
        ({"download": True}, "not both"),
    ):
        with pytest.raises(AttendError, match=line):
            load(source, **options)
    with pytest.raises(AttendError, match="absent: no such file or folder"):
        load(f"omniglot:{tmp_path / 'absent'}")
    with pytest.raises(AttendError, match=r"unrelated\.zip: holds no drawing"):
        load(f"omniglot:{folder / 'unrelated.zip'}")
    write_images(tmp_path / "only.zip", "images_evaluation")
    with pytest.raises(AttendError, match=r"only\.zip: holds no drawing for the train split"):
        load(f"omniglot:{tmp_path / 'only.zip'}")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"not a picture", "cannot be read as an image"),
        (png()[:60], "cannot be read as an image"),
        (png(side=100), "is 100x100 pixels; it must be 105x105"),
    ],
)
def test_a_bad_drawing_is_named(tmp_path, content, line):
    members = {f"{name}.png": png() for name in names()} | {"Aleph/character01/0001_02.png": content}
    path = write_zip(tmp_path / "images.zip", members)
    with pytest.raises(AttendError, match=rf"images\.zip: Aleph/character01/0001_02\.png: {line}"):
        load(f"omniglot:{path}")


def test_bad_strokes_are_named(folder):
    stroked = {f"{name}.txt": strokes(2) for name in names()}
    write_zip(folder / "two.zip", stroked | {"Aleph/character01/0001_02.txt": "START\nBREAK\n"})
    with pytest.raises(AttendError, match=r"two\.zip: Aleph/character01/0001_02\.txt: holds no stroke"):
        load(f"omniglot:{folder}")
    del stroked["Aleph/character01/0001_02.txt"]
    write_zip(folder / "two.zip", stroked)
    with pytest.raises(AttendError, match="holds no strokes of Aleph/character01/0001_02; all drawings"):
        load(f"omniglot:{folder}")


def test_a_damaged_zip_is_named(folder):
    content = (folder / "one.zip").read_bytes()
    for kept in (0, 10, len(content) // 2):
        (folder / "one.zip").write_bytes(content[:kept])
        with pytest.raises(AttendError, match=r"one\.zip: cannot be read as a zip"):
            load(f"omniglot:{folder}")
    flipped = bytearray(content)
    flipped[60:110] = bytes(50)
    (folder / "one.zip").write_bytes(flipped)
    with pytest.raises(AttendError, match=r"one\.zip: .*\.png: cannot be read"):
        load(f"omniglot:{folder}")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A server on this machine with a small Omniglot and its checksums; and an empty cache."""
    folder = tmp_path / "site"
    folder.mkdir()
    for part, alphabets in (("background", ALPHABETS[:4]), ("evaluation", ALPHABETS[4:])):
        write_images(folder / f"images_{part}.zip", f"images_{part}", alphabets)
        write_strokes(folder / f"strokes_{part}.zip", f"strokes_{part}", alphabets)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    checksums = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}
    monkeypatch.setattr(omniglot, "SHA256", checksums)
    monkeypatch.setattr(omniglot, "ADDRESS", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setattr(omniglot, "cache_folder", lambda: tmp_path / "cache")
    yield folder
    server.shutdown()
    server.server_close()


def test_download_only_when_asked_then_from_the_cache(site):
    with pytest.raises(AttendError, match=r"omniglot: is not on this machine; give download=True"):
        load("omniglot")
    first = load("omniglot", download=True)
    assert len(first) == 12
    for file in site.iterdir():
        file.unlink()
    assert np.array_equal(load("omniglot", download=True).images, first.images)
    assert sorted(load("omniglot", split="test").names) == names(ALPHABETS[4:])


def test_a_download_with_a_wrong_checksum_is_refused(site, tmp_path):
    for file in site.iterdir():
        file.write_bytes(file.read_bytes() + b"tampered")
    with pytest.raises(AttendError, match=r"omniglot: .*\.zip could not be downloaded .*hash"):
        load("omniglot", download=True)
    assert not list((tmp_path / "cache").glob("*"))
