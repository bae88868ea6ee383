"""A stream gives what `read_images` gives, but never more than a piece and what is decoded ahead."""

import threading
import time
import warnings

import numpy as np
import pytest
import tifffile
from PIL import Image

from attend.ahead import ahead
from attend.data import Rules, SceneData, open_stream, read_images
from attend.data import stream as module
from attend.errors import AttendError

SIZE = (6, 8, 1)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(module, "PIECE", 4)
    monkeypatch.setattr(module, "SURVEYED", 100)


@pytest.fixture
def folder(tmp_path):
    """14 images of ink on paper, of which one cannot be read, one has three pages and one has 16 bits."""
    rng = np.random.default_rng(0)
    for number in range(14):
        paper = rng.integers(240, 256, (6, 8), dtype=np.uint8)
        paper[2:4, 2 : 3 + number % 4] = rng.integers(40)
        path = tmp_path / f"{number % 3}" / f"{number:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(paper).save(path)
    (tmp_path / "0" / "03.png").write_bytes(b"")
    tifffile.imwrite(tmp_path / "1" / "02.tif", np.stack([paper, 255 - paper, paper]), photometric="minisblack")
    tifffile.imwrite(tmp_path / "1" / "05.tif", paper.astype(np.uint16) * 100)
    return tmp_path


def gathered(pieces):
    pieces = list(pieces)
    data = [piece.data for piece in pieces if piece.data is not None]
    whole = SceneData(
        np.concatenate([part.images for part in data]),
        names=sum((part.names for part in data), ()),
        views=np.concatenate([part.views for part in data]),
    )
    return whole, [line for piece in pieces for line in piece.skipped]


@pytest.mark.parametrize("rules", [Rules(), Rules(ground="dark"), Rules(range=(0, 30_000)), Rules(crop=(4, 4))])
def test_pieces_together_are_what_is_read_at_once(folder, rules):
    size = (*(rules.crop or SIZE[:2]), 1)
    stream = open_stream(folder, size, rules=rules)
    pieces = list(stream.pieces())
    whole, skipped = gathered(pieces)
    with pytest.warns(UserWarning, match="skipped"):
        expected = read_images(folder, rules)
    assert len(pieces) == len(stream) == 4
    assert [len(piece.data) for piece in pieces] != [4] * 4  # a file is not an image
    assert np.array_equal(whole.images, expected.images)
    assert np.array_equal(whole.views, expected.views)
    assert whole.names == expected.names
    assert tuple(skipped) == expected.reading.skipped
    assert {piece.data.reading.rules.ground for piece in pieces} == {expected.reading.rules.ground}
    assert expected.reading.rules.range in {piece.data.reading.rules.range for piece in pieces}


def test_a_stream_can_begin_at_any_piece(folder):
    pieces = [gathered([piece]) for piece in open_stream(folder, SIZE).pieces()]
    for start in range(1, 4):
        rest = [gathered([piece]) for piece in open_stream(folder, SIZE).pieces(start)]
        assert len(rest) == 4 - start
        for (one, one_skipped), (two, two_skipped) in zip(rest, pieces[start:], strict=True):
            assert np.array_equal(one.images, two.images)
            assert one.names == two.names
            assert one_skipped == two_skipped


def test_a_piece_of_which_no_file_can_be_read_has_no_images(folder):
    for path in (folder / "0").iterdir():
        path.write_bytes(b"")
    pieces = list(open_stream(folder, SIZE).pieces())
    assert pieces[0].data is None
    assert len(pieces[0].skipped) == 4
    assert pieces[2].data is not None


def test_a_piece_of_large_images_has_fewer_files(monkeypatch):
    monkeypatch.setattr(module, "PIECE", 256)
    assert module.piece_length((50, 50, 1)) == module.piece_length((128, 128, 1)) == 256
    assert module.piece_length((200, 200, 1)) == 104
    assert module.piece_length((512, 512, 3)) == 64


def test_images_of_another_size_are_refused_as_soon_as_one_is_met(folder):
    with pytest.raises(AttendError, match=r"are 6x8x1 .*; the model knows 5x5x1"):
        next(open_stream(folder, (5, 5, 1), rules=Rules(ground="dark")).pieces())
    Image.fromarray(np.zeros((7, 7), np.uint8)).save(folder / "2" / "99.png")
    pieces = open_stream(folder, SIZE, rules=Rules(ground="dark", range=(0, 1000))).pieces()
    assert len(next(pieces).data) == 3
    with pytest.raises(AttendError, match=r"is 8x6 pixels but .*99\.png is 7x7; all images must have one size"):
        list(pieces)


def test_a_range_that_no_image_needs_and_deep_images_that_no_survey_met(folder, monkeypatch):
    with pytest.raises(AttendError, match="has no image of more than 8 bits"):
        open_stream(folder / "0", SIZE, range=(0, 1))
    monkeypatch.setattr(module, "SURVEYED", 1)
    stream = open_stream(folder, SIZE)
    with pytest.raises(AttendError, match=r"05\.tif: has over 8 bits a pixel, unlike the others; give --range LO HI"):
        list(stream.pieces())


def test_data_sets_by_name_and_scenes_files_are_no_streams(tmp_path):
    assert open_stream("digits", SIZE) is None
    assert open_stream(tmp_path / "s.npz", SIZE) is None
    with pytest.raises(AttendError, match="is neither a data set"):
        open_stream(tmp_path / "absent", SIZE)


def test_threads_work_ahead_in_order_and_not_too_far():
    taken, used, together = [], [], threading.Barrier(2)

    def items():
        for number in range(20):
            taken.append(number)
            assert len(taken) - len(used) <= 5
            yield number

    def slow_if_even(number):
        if number in (0, 1):
            together.wait(10)  # two at once, or this breaks
        time.sleep(0.002 * (number % 2 == 0))
        return number**2

    for result in ahead(slow_if_even, items(), most=5):
        used.append(result)
    assert used == [number**2 for number in range(20)]


def test_threads_work_ahead_on_no_more_than_fits_together():
    lock, held, most = threading.Lock(), [0], [0]

    def holds(size):
        with lock:
            held[0] += size
            most[0] = max(most[0], held[0])
        time.sleep(0.002)
        with lock:
            held[0] -= size
        return size

    sizes = [3, 3, 4, 9, 20, 1, 1, 1, 8, 2, 10]
    assert list(ahead(holds, sizes, 8, size=lambda size: size, largest=10)) == sizes
    assert most[0] == 20  # that of the one that is larger, alone


def test_what_fails_ahead_is_raised_in_its_turn_and_closing_stops_the_threads():
    def fails_at_three(number):
        if number == 3:
            raise AttendError("three")
        return number

    files = ahead(fails_at_three, range(100), most=10)
    assert [next(files) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(AttendError, match="three"):
        next(files)
    files = ahead(fails_at_three, (2 for _ in iter(int, 1)), most=10)  # without end
    assert next(files) == 2
    files.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("attend-ahead")]


def test_reading_leaves_the_filters_of_warnings_alone(folder):
    before = len(warnings.filters)
    for _ in range(3):
        list(open_stream(folder, SIZE).pieces())
    assert len(warnings.filters) <= before + 2
    with pytest.warns(UserWarning, match="mine"):
        warnings.warn("mine", stacklevel=1)
