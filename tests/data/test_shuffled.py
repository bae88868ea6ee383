"""Streams to learn from: every file once an epoch, in an order that follows from the seed, whatever holds the files."""

import io
import sys
import tarfile
import zipfile
from collections import Counter
from itertools import islice

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import tifffile
from PIL import Image

from attend.data import Rules, open_shuffled, read_images
from attend.data import order as order_module
from attend.data import parquet as parquet_module
from attend.data import shuffled as module
from attend.errors import AttendError

N, BATCH = 21, 4


def png(number, height=6, width=8):
    """An image that shows its number by the brightness of a square."""
    pixels = np.zeros((height, width), np.uint8)
    pixels[2:4, 2:5] = 10 * number + 10
    pixels[4, 3] = 5
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def number_of(image):
    return (int(image.max()) - 10) // 10


@pytest.fixture
def folder(tmp_path):
    for number in range(N):
        path = tmp_path / "images" / str(number % 2) / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(number))
    return tmp_path / "images"


@pytest.fixture
def holders(folder, tmp_path):
    """The same files in a folder, in archives and in Parquet."""
    paths = sorted(folder.rglob("*.png"))
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for path in reversed(paths):
            archive.write(path, path.relative_to(folder))
        archive.writestr("readme.txt", "no image")
        archive.writestr("__MACOSX/._00.png", "no image either")
    with tarfile.open(tmp_path / "images.tar", "w") as archive:
        archive.add(folder, ".")
    write_parquet(tmp_path / "images.parquet", [path.read_bytes() for path in paths], 5)
    return [folder, *(tmp_path / f"images.{suffix}" for suffix in ("zip", "tar", "parquet"))]


def write_parquet(path, contents, row_group_size):
    struct = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    rows = pyarrow.array([{"bytes": content, "path": None} for content in contents], struct)
    labels = pyarrow.array(range(len(contents)))
    path.parent.mkdir(exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table({"label": labels, "image": rows}), path, row_group_size=row_group_size)
    return path


def some_batches(stream, many, *, seed=0, start=0, batch=BATCH, part=(0, 1)):
    batches = stream.batches(batch, seed, start, part)
    found = np.stack(list(islice(batches, many)))
    batches.close()
    return found


def numbers(batches):
    return [number_of(image) for batch in batches for image in batch]


def test_an_epoch_has_every_file_once_and_the_next_one_in_another_order(holders):
    for source in holders:
        seen = numbers(some_batches(open_shuffled(source), N))  # four epochs
        epochs = [seen[i : i + N] for i in range(0, 4 * N, N)]
        assert all(sorted(epoch) == list(range(N)) for epoch in epochs)
        assert len({tuple(epoch) for epoch in epochs}) == 4


def test_what_holds_the_files_does_not_matter(holders):
    first, *others = (open_shuffled(source, flip="both", random_crop=(5, 6)) for source in holders)
    expected = some_batches(first, 8)
    for stream in others:
        assert np.array_equal(some_batches(stream, 8), expected)
        assert np.array_equal(stream.sample.images, first.sample.images)
        assert np.array_equal(stream.some(7), first.some(7))
    for source in holders:
        assert np.array_equal(read_images(source).images, read_images(holders[0]).images)


def test_batches_are_a_function_of_the_seed_and_their_number(folder):
    stream = open_shuffled(folder, flip="horizontal", random_crop=(5, 5))
    whole = some_batches(stream, 12)
    assert np.array_equal(some_batches(open_shuffled(folder, flip="horizontal", random_crop=(5, 5)), 12), whole)
    for start in (1, 5, 9):  # in the middle of an epoch
        assert np.array_equal(some_batches(stream, 3, start=start), whole[start : start + 3])
    assert not np.array_equal(some_batches(stream, 12, seed=1), whole)


def test_the_parts_of_a_batch_are_the_batch_and_no_other_file_is_read(holders, monkeypatch):
    drawn, read = module.ShuffledImages._drawn, []
    monkeypatch.setattr(module, "WINDOW_BYTES", 1)  # so that few batches are read ahead
    monkeypatch.setattr(module.ShuffledImages, "_drawn", lambda *given: (read.append(1), drawn(*given))[1])
    for source in holders:
        stream = open_shuffled(source, flip="both", random_crop=(5, 5))
        whole = some_batches(stream, 9, start=2)
        read.clear()
        parts = [some_batches(stream, 9, start=2, part=(own, 2)) for own in range(2)]
        assert 9 * BATCH <= len(read) < 1.8 * 9 * BATCH
        assert np.array_equal(np.concatenate(parts, axis=1), whole)


def test_a_batch_can_be_larger_than_an_epoch(folder):
    (batch,) = some_batches(open_shuffled(folder, n=3), 1, batch=7)
    assert sorted(Counter(number_of(image) for image in batch).values()) == [2, 2, 3]


def test_images_are_those_that_are_read_at_once(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(6):
        paper = rng.integers(20_000, 26_000, (6, 8), dtype=np.uint16)
        paper[2:4, 1 : 3 + number] = 5
        tifffile.imwrite(tmp_path / f"{number}.tif", paper)
    expected = read_images(tmp_path)
    stream = open_shuffled(tmp_path)
    assert stream.sample.reading == expected.reading
    assert expected.reading.rules.ground == "light"
    assert np.array_equal(stream.some(6), expected.images)
    assert {image.tobytes() for image in some_batches(stream, 1, batch=6)[0]} == {
        image.tobytes() for image in expected.images
    }


def test_augmented_images_are_parts_of_their_own_mirrored_or_not(folder):
    images = read_images(folder).images
    stream = open_shuffled(folder, flip="vertical", random_crop=(4, 5))
    found = some_batches(stream, 20)
    assert found.shape == (20, BATCH, 4, 5, 1)
    windows = np.lib.stride_tricks.sliding_window_view(images[..., 0], (4, 5), (1, 2))
    possible = {tile.tobytes() for tile in windows.reshape(-1, 4, 5)}
    upright = {image.tobytes() in possible for image in found.reshape(-1, 4, 5)}
    both = possible | {tile[::-1].tobytes() for tile in windows.reshape(-1, 4, 5)}
    assert upright == {True, False}
    assert all(image.tobytes() in both for image in found.reshape(-1, 4, 5))


def test_one_tile_of_each_file_is_drawn_in_each_epoch(folder):
    seen = some_batches(open_shuffled(folder, tile=(3, 4)), N)
    assert seen.shape[2:] == (3, 4, 1)
    tiles = {tile.tobytes() for tile in read_images(folder, Rules(tile=(3, 4))).images}
    drawn = {image.tobytes() for image in seen.reshape(-1, 3, 4)}
    assert drawn <= tiles
    assert len(drawn) > N


def test_files_that_cannot_be_used_are_named_once_and_replaced(folder):
    (folder / "0" / "04.png").write_bytes(b"")
    (folder / "1" / "05.png").write_bytes(png(5, height=9))
    stream = open_shuffled(folder)
    with pytest.raises(AttendError, match=r"05\.png is 8x9; all images must have one size|05\.png is 8x9 pixels"):
        stream.sample  # noqa: B018, it is read
    (folder / "1" / "05.png").write_bytes(png(5))
    stream = open_shuffled(folder)
    assert len(stream.sample) == N - 1
    assert len(stream.sample.reading.skipped) == 1
    (folder / "1" / "05.png").write_bytes(png(5, height=9))  # as if it had not been looked at
    with pytest.warns(UserWarning, match="the next one is taken instead") as said:
        seen = numbers(some_batches(stream, N))
    lines = [str(each.message) for each in said if each.category is UserWarning]
    assert len(lines) == 2
    assert any("04.png: cannot be read as an image" in line for line in lines)
    assert any("05.png: is 9x8 (height x width), others are 6x8" in line for line in lines)
    counts = Counter(seen)
    assert counts[6] == counts[7] == 8
    assert counts[4] == counts[5] == 0
    strict = open_shuffled(folder, strict=True)
    with pytest.raises(AttendError, match=r"04\.png"):
        strict.sample  # noqa: B018


def test_when_no_file_can_be_used_the_training_ends(folder, monkeypatch):
    stream = open_shuffled(folder)
    assert stream.size == (6, 8, 1)
    for path in folder.rglob("*.png"):
        path.write_bytes(b"")
    monkeypatch.setattr(module, "TRIES", 5)
    with pytest.raises(AttendError, match=r"5 files in a row cannot be used; the last: .*png: cannot be read"):
        some_batches(stream, 1)
    with pytest.raises(AttendError, match="none of 5 files can be read; the first"):
        open_shuffled(folder).sample  # noqa: B018


def test_only_the_first_few_are_named(folder, monkeypatch):
    stream = open_shuffled(folder)
    assert len(stream.sample) == N
    for path in sorted((folder / "1").iterdir())[:8]:
        path.write_bytes(b"")
    monkeypatch.setattr(module, "TOLD", 3)
    with pytest.warns(UserWarning, match="cannot be") as said:
        some_batches(stream, 12)
    assert len(said) == 4
    assert "more files cannot be used" in str(said[-1].message)


def test_the_order_of_parts_has_each_image_once_and_opens_each_part_once():
    lengths = np.array([5, 1, 7, 3, 3, 2, 9])
    order = order_module.PartsInOrder(lengths, 2, 3)
    part_of = np.repeat(np.arange(len(lengths)), lengths)
    epochs = np.array([order(place) for place in range(4 * lengths.sum())]).reshape(4, -1)
    for epoch in epochs:
        assert sorted(epoch) == list(range(lengths.sum()))
        parts = part_of[epoch]
        spans = [np.flatnonzero(parts == part) for part in range(len(lengths))]
        for place in range(len(parts)):
            assert sum(span[0] <= place <= span[-1] for span in spans) <= 2
    assert len({tuple(epoch) for epoch in epochs}) == 4
    again = order_module.PartsInOrder(lengths, 2, 3)
    assert [again(place) for place in (100, 3, 57)] == [epochs.ravel()[place] for place in (100, 3, 57)]
    whole = order_module.PartsInOrder(lengths, 7, 3)
    assert sorted(whole(place) for place in range(30)) == list(range(30))


def test_row_groups_are_read_once_in_an_epoch_and_few_are_kept(tmp_path, monkeypatch):
    shards = [
        write_parquet(tmp_path / "shards" / f"train-{i}.parquet", [*map(png, range(8 * i, 8 * i + 8))], 4)
        for i in range(3)
    ]
    write_parquet(tmp_path / "shards" / "test-0.parquet", [png(1)], 4)
    stream = open_shuffled(tmp_path / "shards")
    assert len(stream) == 24
    assert stream.entries[9].place == f"{shards[1]}: row 1"
    size = stream.entries.together_bytes
    monkeypatch.setattr(module, "WINDOW_BYTES", 2 * size)
    monkeypatch.setattr(parquet_module, "KEPT_BYTES", 4 * size)
    stream = open_shuffled(tmp_path / "shards")
    assert stream.size == (6, 8, 1)
    opened = []
    original = parquet_module._opened
    monkeypatch.setattr(parquet_module, "_opened", lambda path: opened.append(path) or original(path))
    monkeypatch.setattr(module, "cores", lambda: 1)
    batches = stream.batches(4, 0)
    monkeypatch.setattr(module, "WINDOW_BYTES", 1)
    seen = numbers(islice(batches, 12))
    batches.close()
    assert sorted(seen[:24]) == sorted(seen[24:]) == list(range(24))
    assert len(opened) <= 2 * 6 + 2  # and what is read ahead
    assert len(open_shuffled(tmp_path / "shards", split="test")) == 1
    assert len(open_shuffled(tmp_path / "shards" / "train-*.parquet")) == 24
    assert len(open_shuffled(shards[0], n=6).sample) == 6


def test_what_is_no_parquet_of_images_is_refused(tmp_path, monkeypatch):
    pyarrow.parquet.write_table(pyarrow.table({"label": [1, 2]}), tmp_path / "labels.parquet")
    with pytest.raises(AttendError, match=r"labels\.parquet: has the columns label; one must hold image files"):
        open_shuffled(tmp_path / "labels.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    with pytest.raises(AttendError, match=r"bad\.parquet: cannot be read as Parquet"):
        open_shuffled(tmp_path / "bad.parquet")
    large = write_parquet(tmp_path / "large.parquet", [png(0)] * 4, 4)
    monkeypatch.setattr(parquet_module, "MOST_BYTES", 10)
    with pytest.raises(AttendError, match=r"row group 0 holds .* MB of images; .* such as row_group_size=1000"):
        open_shuffled(large)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(AttendError, match=r"pip install 'attend\[stream\]'"):
        open_shuffled(large)


def test_a_row_without_an_image_is_replaced_and_plain_bytes_are_read(tmp_path):
    rows = write_parquet(tmp_path / "a.parquet", [png(0), None, png(2), png(3)], 2)
    stream = open_shuffled(rows)
    with pytest.warns(UserWarning, match=r"row 1: holds no image; the next one"):
        assert sorted(numbers(some_batches(stream, 1))) == [0, 2, 2, 3]
    pyarrow.parquet.write_table(pyarrow.table({"picture": [png(4), png(5)]}), tmp_path / "b.parquet")
    assert sorted(numbers(some_batches(open_shuffled(tmp_path / "b.parquet"), 1, batch=2))) == [4, 5]


def test_archives_that_cannot_be_read_are_refused(tmp_path, holders):
    for name in ("bad.zip", "bad.tar"):
        (tmp_path / name).write_bytes(b"nothing of the kind" * 100)
        with pytest.raises(AttendError, match=rf"{name}: cannot be read as an archive"):
            open_shuffled(tmp_path / name)
    (tmp_path / "images.tar.gz").write_bytes(b"")
    with pytest.raises(AttendError, match=r"can only be read from its beginning; unpack it"):
        open_shuffled(tmp_path / "images.tar.gz")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as archive:
        archive.writestr("readme.txt", "")
    with pytest.raises(AttendError, match=r"empty\.zip: holds no image"):
        open_shuffled(tmp_path / "empty.zip")
    content = bytearray(holders[1].read_bytes())
    place = content.index(b"IDAT")
    content[place : place + 8] = b"damaged!"
    holders[1].write_bytes(content)
    with pytest.warns(UserWarning, match=r"images\.zip: .*png: cannot be read .*the next one"):
        some_batches(open_shuffled(holders[1]), N)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"flip": "sideways"}, "flip: is 'sideways'; it must be one of horizontal, vertical, both"),
        ({"random_crop": (0, 3)}, "random_crop: is 0 3; it must be height and width, 1 or more"),
        ({"n": 0}, "n: 0 files were asked for"),
        ({"n": 99}, "holds 21 files; n is 99 and must not be more"),
    ],
)
def test_bad_options_are_refused(folder, options, line):
    with pytest.raises(AttendError, match=line):
        open_shuffled(folder, **options)


def test_a_crop_that_is_too_large_is_refused_by_the_name_of_the_file(folder):
    with pytest.raises(AttendError, match=r"png: is 6x8 \(height x width\), smaller than --random-crop 7 7"):
        open_shuffled(folder, random_crop=(7, 7)).sample  # noqa: B018


def test_without_grain_it_is_said_how_to_install_it(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "grain", None)
    with pytest.raises(AttendError, match=r"to train on a stream of images needs: pip install 'attend\[stream\]'"):
        next(open_shuffled(folder).batches(2, 0))


def test_data_sets_by_name_and_scenes_files_are_no_files(tmp_path):
    assert open_shuffled("digits") is None
    assert open_shuffled(tmp_path / "s.npz") is None
