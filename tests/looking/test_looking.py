"""Any images, by any looker, to any sink; and a look that was stopped goes on to the same result."""

import json
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import tiny
from PIL import Image

from attend.data import Rules, SceneData
from attend.errors import AttendError
from attend.exports import AnyResults, Results, write_csv
from attend.looking import Looker, ModelLooker, TiledLooker, Totals, look, look_into, looker_of, open_source
from attend.scenes import Scenes
from attend.tiling import infer_tiled

pytestmark = pytest.mark.usefixtures("compiling_with_care")  # results agree almost to the bit
CARE = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "0"}  # the same for a process that a test starts

N, PIECE = 11, 4
IMAGES = (255 * tiny.images(N)).astype(np.uint8)
LARGE = [(255 * tiny.images(1, size=size)[0]).astype(np.uint8) for size in ((8, 30, 1), (8, 8, 1), (17, 12, 1))]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr("attend.data.stream.PIECE", PIECE)
    monkeypatch.setattr("attend.data.stream.LEAST", 1)


@pytest.fixture
def looker():
    return ModelLooker(tiny.model(), Rules(ground="dark"))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    for number, image in enumerate(IMAGES):
        Image.fromarray(image[..., 0]).save(tmp_path / "images" / f"{number:02}.png")
    return tmp_path / "images"


class Spots:
    """Looks at images of any size, and finds one object in each: the brightest pixel."""

    size = (1, 1, 1)
    any_size = True
    side_by_side = False
    rules = Rules(ground="dark")

    def __init__(self, fails_at=None):
        self.looked = []
        self.fails_at = fails_at

    def fingerprint(self):
        return "spots"

    def look(self, piece, *, several):
        if len(self.looked) == self.fails_at:
            raise KeyboardInterrupt
        self.looked.append((piece.images.shape, several))
        n, height, width, _ = piece.images.shape
        rows, columns = np.unravel_index(piece.images.reshape(n, -1).argmax(axis=1), (height, width))
        boxes = np.stack([columns, rows, np.ones(n), np.ones(n)], axis=1)[:, None].astype(np.float32)
        images = piece.images.astype(np.float32) / 255
        one = np.ones((n, 1, 1), np.float32)
        count = np.array([[0, 1]] * n, np.float32)
        return Scenes(images, images, one, one, one, one, count, boxes, one[..., None, None], piece.names)


def assert_same(parts, scenes):
    found = Scenes.concatenate([part.scenes for part in parts])
    for name, array in scenes.arrays().items():
        np.testing.assert_allclose(getattr(found, name), array, rtol=1e-4, atol=1e-5, err_msg=name)


def test_lookers_are_lookers():
    assert isinstance(Spots(), Looker)
    assert isinstance(ModelLooker(tiny.model()), Looker)
    assert isinstance(TiledLooker(tiny.model()), Looker)


def test_images_of_every_kind_give_what_one_pass_over_them_gives(looker, folder):
    expected = looker.model.infer(IMAGES)
    kinds = [folder, str(folder / "*.png"), IMAGES, IMAGES[..., 0], IMAGES / 255, list(IMAGES), SceneData(IMAGES)]
    for images in kinds:
        parts = list(look(looker, images))
        assert [len(part.scenes) for part in parts] == [4, 4, 3]
        assert [part.first for part in parts] == [0, 4, 8]
        assert_same(parts, expected)
    assert [part.name(1) for part in look(looker, folder)] == ["01.png", "05.png", "09.png"]
    assert [part.name(1) for part in look(looker, IMAGES)] == ["image-1", "image-5", "image-9"]


def test_images_of_several_sizes_go_to_a_looker_that_takes_them(looker):
    spots = Spots()
    found = list(look(spots, LARGE))
    assert spots.looked == [((1, *image.shape), True) for image in LARGE]
    for part, image in zip(found, LARGE, strict=True):
        x, y, _, _ = part.scenes.boxes[0, 0].astype(int)
        assert image[y, x] == image.max()
    tiled = TiledLooker(looker.model)
    for part, image in zip(look(tiled, LARGE), LARGE, strict=True):
        assert_same([part], infer_tiled(looker.model, image[None]))
    with pytest.raises(AttendError, match=r"^images: image 0 is 8x30 .* but image 1 is 8x8; all must have one size"):
        list(look(looker, LARGE))


def test_what_is_wrong_with_an_image_is_said_of_that_image(looker, tmp_path):
    for number, size in enumerate([(8, 9), (8, 4)]):
        Image.fromarray(np.zeros(size, np.uint8)).save(tmp_path / f"{number}.png")
    with pytest.raises(AttendError, match=r"^1\.png: images: are 8x4"):
        list(look(TiledLooker(looker.model, looker.rules), tmp_path))


def test_a_few_of_the_images_and_more_than_there_are(looker, folder):
    for images in (folder, IMAGES):
        assert sum(len(part.scenes) for part in look(looker, images, n=5)) == 5
        with pytest.raises(AttendError, match="holds 11 scenes; n is 12 and must not be more"):
            list(look(looker, images, n=12))
        with pytest.raises(AttendError, match="n: 0 scenes were asked for"):
            open_source(images, looker, n=0)
    with pytest.raises(AttendError, match="resize: is an option of files"):
        open_source(IMAGES, looker, resize=(8, 8))
    with pytest.raises(AttendError, match="there are none"):
        open_source(np.zeros((0, 8, 8)), looker)


def test_what_was_done_to_pixels_is_heard_once_and_unreadable_files_are_counted(folder):
    (folder / "05.png").write_bytes(b"")
    notes, steps = [], []
    looker = ModelLooker(tiny.model(), Rules(ground="light"))
    with pytest.warns(UserWarning, match=r"05\.png: .*; skipped"):
        parts = list(
            look(looker, folder, tell=lambda *note: notes.append(note), progress=lambda *step: steps.append(step))
        )
    assert [part.inverted for part in parts] == [True] * 3
    assert [part.skipped for part in parts] == [0, 1, 0]
    assert [source for source, _ in notes] == [str(folder)] * 2
    assert ["inverted" in note for _, note in notes] == [True, False]
    assert "1 unreadable skipped" in notes[1][1]
    assert steps == [(0, 3), (1, 3), (2, 3), (3, 3)]
    with pytest.warns(UserWarning, match="images are inverted"):
        list(look(looker, folder))


def test_an_iterator_that_keeps_goes_on_where_it_was_stopped(tmp_path):
    whole = list(look(Spots(), LARGE))
    keep = tmp_path / "kept"
    stopped = look(Spots(fails_at=2), LARGE, keep=keep)
    assert len([next(stopped), next(stopped)]) == 2
    with pytest.raises(KeyboardInterrupt, match="kept keeps what is done"):
        next(stopped)
    with pytest.raises(AttendError, match="keeps what a stopped inference has done"):
        next(look(Spots(), LARGE, keep=keep))
    with pytest.raises(AttendError, match="was begun with another IMAGES"):
        next(look(Spots(), LARGE[:2], keep=keep, resume=True))
    spots = Spots()
    resumed = list(look(spots, LARGE, keep=keep, resume=True))
    assert len(spots.looked) == 1
    assert [part.first for part in resumed] == [part.first for part in whole] == [0, 1, 2]
    for one, other in zip(resumed, whole, strict=True):
        for name, array in one.scenes.arrays().items():
            np.testing.assert_array_equal(array, getattr(other.scenes, name), err_msg=name)
    again = Spots()
    assert len(list(look(again, LARGE, keep=keep, resume=True))) == 3
    assert not again.looked


def test_a_consumer_that_stops_early_leaves_what_is_kept(tmp_path):
    found = look(Spots(), LARGE, keep=tmp_path / "kept")
    next(found)
    found.close()
    spots = Spots()
    assert len(list(look(spots, LARGE, keep=tmp_path / "kept", resume=True))) == 3
    assert len(spots.looked) == 2


def test_any_looker_writes_any_format(tmp_path):
    assert look_into(Spots(), LARGE, tmp_path / "found.json") == Totals(images=3, objects=3, listed=3, skipped=0)
    coco = json.loads((tmp_path / "found.json").read_text())
    assert [(image["width"], image["height"]) for image in coco["images"]] == [(30, 8), (8, 8), (12, 17)]
    look_into(Spots(), LARGE, tmp_path / "drawn", format="overlays")
    assert len(list((tmp_path / "drawn").iterdir())) == 3
    with pytest.raises(AttendError, match="choose another format"):
        look_into(Spots(), LARGE, tmp_path / "found.npz")
    with pytest.raises(AttendError, match="it must be"):
        look_into(Spots(), LARGE, tmp_path / "found.doc")
    assert {path.name for path in tmp_path.iterdir()} == {"found.json", "drawn"}


def test_a_written_look_goes_on_to_the_same_bytes(tmp_path):
    look_into(Spots(), LARGE, tmp_path / "whole.csv")
    with pytest.raises(KeyboardInterrupt, match="--resume goes on"):
        look_into(Spots(fails_at=2), LARGE, tmp_path / "found.csv")
    spots = Spots()
    look_into(spots, LARGE, tmp_path / "found.csv", resume=True)
    assert len(spots.looked) == 1
    assert (tmp_path / "found.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"found.csv", "whole.csv"}


def test_results_of_a_look_are_what_an_export_takes(looker, tmp_path):
    class Joined:
        skipped = 0

        def pieces(self):
            return look(looker, IMAGES)

        def stems(self):
            raise NotImplementedError

    assert isinstance(Joined(), AnyResults)
    write_csv(Joined(), tmp_path / "joined.csv")
    look_into(looker, IMAGES, tmp_path / "found.csv")
    assert (tmp_path / "joined.csv").read_bytes() == (tmp_path / "found.csv").read_bytes()
    write_csv(Results(looker.model.infer(IMAGES)), tmp_path / "one.csv")
    assert (tmp_path / "one.csv").read_text().count("\n") == (tmp_path / "found.csv").read_text().count("\n")


def test_a_saved_model_is_a_looker(looker, folder, tmp_path):
    looker.model.save(tmp_path / "model.npz")
    loaded = looker_of(tmp_path / "model.npz")
    assert loaded.fingerprint() == looker.fingerprint() != ModelLooker(tiny.model(seed=1)).fingerprint()
    assert (loaded.rules, loaded.any_size, looker_of(tmp_path / "model.npz", tiled=True).any_size) == (
        None,
        False,
        True,
    )
    assert_same(list(look(loaded, folder, ground="dark")), looker.model.infer(IMAGES))


KILLED = """
    import os, signal, sys
    import attend.data.stream
    from attend.looking import look, looker_of

    attend.data.stream.PIECE, attend.data.stream.LEAST = {piece}, 1
    for number, part in enumerate(look(looker_of({model!r}), {images!r}, keep={keep!r}, ground="dark")):
        if number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_a_program_that_is_killed_goes_on_to_the_same_results(looker, folder, tmp_path):
    looker.model.save(tmp_path / "model.npz")
    words = {"model": str(tmp_path / "model.npz"), "images": str(folder), "keep": str(tmp_path / "kept")}
    code = textwrap.dedent(KILLED).format(piece=PIECE, **words)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | CARE)
    assert done.returncode == -9, done.stderr
    expected = list(look(looker, folder))
    steps = []
    resumed = list(
        look(
            looker_of(words["model"]),
            folder,
            keep=words["keep"],
            resume=True,
            ground="dark",
            progress=lambda *step: steps.append(step),
        )
    )
    assert steps == [(2, 3), (3, 3)]
    assert len(resumed) == len(expected)
    for one, other in zip(resumed, expected, strict=True):
        assert one.scenes.names == other.scenes.names
        for name, array in one.scenes.arrays().items():
            np.testing.assert_array_equal(array, getattr(other.scenes, name), err_msg=name)
