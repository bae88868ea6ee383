import gzip
import hashlib
import struct
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from attend.data import load
from attend.data.idx import read_idx
from attend.data.mnist import mnist_glyphs
from attend.errors import AttendError

NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def idx(array):
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def numbered(n, first=0):
    """Bright images, each with its own number written in its first two pixels; labels 0..9."""
    images = np.full((n, 28, 28), 200, np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.divmod(np.arange(first, first + n), 256)
    return images, (np.arange(n) % 10).astype(np.uint8)


def numbers(glyphs):
    return set((glyphs[:, 0, 0].astype(int) * 256 + glyphs[:, 0, 1]).tolist())


@pytest.fixture(params=["", ".gz"])
def folder(tmp_path, request):
    """A small MNIST of 120 training and 30 test digits."""
    arrays = (*numbered(120), *numbered(30, first=1000))
    for name, array in zip(NAMES, arrays, strict=True):
        content = idx(array)
        (tmp_path / (name + request.param)).write_bytes(gzip.compress(content) if request.param else content)
    return tmp_path


def test_idx_folder_keeps_the_official_split(folder):
    parts = {split: numbers(mnist_glyphs(folder, split)[0]) for split in ("train", "valid", "test")}
    assert parts == {"train": set(range(110)), "valid": set(range(110, 120)), "test": set(range(1000, 1030))}
    assert np.array_equal(mnist_glyphs(folder, "valid")[1], np.arange(10))


def test_load_reads_a_folder_and_an_npz(folder, tmp_path):
    images, labels = numbered(160)
    np.savez(tmp_path / "digits.npz", images=images, labels=labels)
    for path in (folder, tmp_path / "digits.npz"):
        data = load(f"mnist:{path}", split="test", n=20, counts=(1,), canvas=40)
        assert data.image_shape == (40, 40, 1)
        assert len(data) == 20


@pytest.mark.parametrize(("n", "sizes"), [(8000, (6500, 500, 1000)), (64, (52, 4, 8))])
def test_npz_splits_share_no_glyph(tmp_path, n, sizes):
    images, labels = numbered(n)
    np.savez(tmp_path / "digits.npz", images=images, labels=labels)
    parts = [numbers(mnist_glyphs(tmp_path / "digits.npz", split)[0]) for split in ("train", "valid", "test")]
    assert tuple(len(part) for part in parts) == sizes
    assert set.union(*parts) == set(range(n))


def test_a_split_without_a_glyph_is_refused(tmp_path):
    images, labels = numbered(7)
    np.savez(tmp_path / "few.npz", images=images, labels=labels)
    with pytest.raises(AttendError, match="mnist: too few glyphs for a test split"):
        load(f"mnist:{tmp_path / 'few.npz'}", split="test", n=5)


def test_missing_and_disagreeing_files_are_named(folder):
    present = next(folder.glob("train-labels*"))
    content = present.read_bytes()
    present.write_bytes(idx(np.zeros(5, np.uint8)))
    with pytest.raises(AttendError, match=r"train-labels.*: holds 5 labels for the 120 images"):
        mnist_glyphs(folder, "train")
    present.unlink()
    with pytest.raises(AttendError, match="holds no train-labels-idx1-ubyte"):
        mnist_glyphs(folder, "train")
    present.write_bytes(content)
    assert len(mnist_glyphs(folder, "train")[0]) == 110


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "starts with nothing; it must start with 00000803"),
        (b"PK\x03\x04rest", "starts with 504b0304"),
        (idx(np.zeros(4, np.uint8)), "starts with 00000801"),
        (idx(np.zeros((4, 2, 2), np.uint8))[:9], "ends within its header"),
        (idx(np.zeros((4, 2, 2), np.uint8))[:-1], r"holds 15 bytes of data; its header \(4, 2, 2\) says 16"),
        (idx(np.zeros((4, 2, 2), np.uint8)) + b"x", "holds 17 bytes"),
        (gzip.compress(idx(np.zeros((4, 2, 2), np.uint8)), mtime=0)[:-9], "cannot be read"),
        (b"\x1f\x8bgarbage that is no gzip", "cannot be read"),
    ],
)
def test_a_bad_idx_file_is_named(tmp_path, content, line):
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(AttendError, match=f"bad: {line}"):
        read_idx(tmp_path / "bad", 3)


@pytest.mark.parametrize(
    ("arrays", "line"),
    [
        ({"images": numbered(20)[0]}, "holds no labels"),
        ({"labels": numbered(20)[1]}, "holds no images"),
        ({"images": np.ones((20, 28, 28)), "labels": np.ones(20, int)}, "images: float64"),
        ({"images": np.ones((20, 28, 20), np.uint8), "labels": np.ones(20, int)}, "images: uint8"),
        ({"images": np.ones((20, 28, 28), np.uint8), "labels": np.ones(19, int)}, "labels: int64"),
        ({"images": np.ones((20, 28, 28), np.uint8), "labels": np.ones(20)}, "labels: float64"),
    ],
)
def test_a_bad_npz_of_digits_is_named(tmp_path, arrays, line):
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(AttendError, match=rf"bad\.npz: {line}"):
        load(f"mnist:{tmp_path / 'bad.npz'}", n=5)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A mirror on this machine that serves a small MNIST, with its checksums; and an empty cache."""
    site = tmp_path / "site"
    site.mkdir()
    checksums = {}
    for name, array in zip(NAMES, (*numbered(120), *numbered(30)), strict=True):
        content = gzip.compress(idx(array))
        (site / f"{name}.gz").write_bytes(content)
        checksums[f"{name}.gz"] = hashlib.sha256(content).hexdigest()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    module = sys.modules[mnist_glyphs.__module__]
    monkeypatch.setattr(module, "SHA256", checksums)
    monkeypatch.setattr(module, "MIRRORS", (address + "absent/", address))
    monkeypatch.setattr(module, "cache_folder", lambda: tmp_path / "cache")
    yield site
    server.shutdown()
    server.server_close()


def test_download_only_when_asked_then_from_the_cache(mirror):
    with pytest.raises(AttendError, match=r"mnist: is not on this machine; give download=True"):
        load("mnist", n=5)
    first = load("mnist", n=5, download=True)  # the first mirror fails, the second serves
    for file in mirror.iterdir():
        file.unlink()
    assert np.array_equal(load("mnist", n=5).images, first.images)
    assert np.array_equal(load("mnist", n=5, download=True).images, first.images)


def test_a_download_with_a_wrong_checksum_is_refused(mirror, tmp_path):
    for file in mirror.iterdir():
        file.write_bytes(file.read_bytes() + b"tampered")
    with pytest.raises(AttendError, match=r"train-images-idx3-ubyte\.gz could not be downloaded"):
        load("mnist", n=5, download=True)
    assert not list((tmp_path / "cache").glob("*"))


def test_a_path_and_a_download_exclude_each_other(folder):
    with pytest.raises(AttendError, match="not both"):
        load(f"mnist:{folder}", n=5, download=True)
