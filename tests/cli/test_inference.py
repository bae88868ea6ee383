"""An inference over files goes piece by piece, and one that was stopped goes on to the same result."""

import fcntl
import json
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import attend as package
from attend.data import SceneData
from attend.exports import exports
from attend.looking import piecewise
from attend.scenes import Scenes
from attend.tiling import infer_tiled

FILES, PIECE = 11, 4


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr("attend.data.stream.PIECE", PIECE)


@pytest.fixture
def folder(squares, tmp_path):
    """Images at two depths; the third cannot be read."""
    folder = tmp_path / "images"
    (folder / "deep").mkdir(parents=True)
    for number, image in enumerate(squares.images[:FILES, ..., 0]):
        Image.fromarray(image).save(folder / ("deep" if number % 2 else "") / f"{number:02}.png")
    (folder / "04.png").write_bytes(b"")
    return folder


@pytest.fixture
def calls(monkeypatch):
    """The names of the images that are inferred, a list for each piece; the call `stop` of them is interrupted."""
    original = piecewise._scenes

    class Calls(list):
        stop = None

    calls = Calls()

    def scenes(looker, source, data):
        if len(calls) == calls.stop:
            calls.stop = None
            raise KeyboardInterrupt
        calls.append(data.names)
        return original(looker, source, data)

    monkeypatch.setattr(piecewise, "_scenes", scenes)
    return calls


def content(path):
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in files if file.is_file()}


def test_pieces_give_what_one_pass_gives(attend, run_folder, folder, tmp_path, monkeypatch):
    for name, piece in {"pieces": PIECE, "once": 100}.items():
        monkeypatch.setattr("attend.data.stream.PIECE", piece)
        status, out, err = attend("infer", run_folder, folder, "--out", tmp_path / f"{name}.npz")
        assert status == 0
        assert f"in {FILES - 1} images; 1 unreadable skipped" in out
        assert err.count("04.png") == 1
        assert err.count("1 unreadable skipped") == 1
    pieces, once = (Scenes.from_npz(tmp_path / f"{name}.npz") for name in ("pieces", "once"))
    assert pieces.names == once.names
    for name, array in once.arrays().items():
        np.testing.assert_allclose(getattr(pieces, name), array, rtol=1e-4, atol=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "once.npz", "pieces.npz"]


@pytest.mark.parametrize("name", [name for name in exports if name != "geojson-file"])  # of one image only
def test_resumed_is_the_same_and_no_image_is_inferred_twice(attend, run_folder, folder, tmp_path, calls, name):
    suffix = exports[name].suffix or ""
    words = ["infer", run_folder, folder, "--format", name, "--out"]
    assert attend(*words, tmp_path / f"whole{suffix}")[0] == 0
    uninterrupted = list(calls)
    calls.clear()
    calls.stop = 2
    out = tmp_path / f"found{suffix}"
    status, _, err = attend(*words, out)
    assert status == 130
    assert f"interrupted; {out}.unfinished keeps what is done, --resume goes on" in err
    assert not out.exists()
    status, _, err = attend(*words, out)
    assert status == 2
    assert "keeps what a stopped inference has done; go on with --resume, or delete it" in err
    status, said, _ = attend(*words, out, "--resume")
    assert status == 0
    assert f"in {FILES - 1} images; 1 unreadable skipped" in said
    assert calls == uninterrupted
    assert content(out) == content(tmp_path / f"whole{suffix}")
    assert not (tmp_path / f"{out.name}.unfinished").exists()


def test_an_old_result_stays_until_the_new_one_is_whole(attend, run_folder, folder, tmp_path, calls):
    out = tmp_path / "found.csv"
    out.write_text("old")
    calls.stop = 1
    assert attend("infer", run_folder, folder, "--out", out)[0] == 130
    assert out.read_text() == "old"
    assert attend("infer", run_folder, folder, "--out", out, "--resume")[0] == 0
    assert "image" in pd.read_csv(out)


def test_nothing_stays_when_nothing_was_done(attend, run_folder, folder, tmp_path, calls):
    calls.stop = 0
    status, _, err = attend("infer", run_folder, folder, "--out", tmp_path / "new" / "deep" / "found.csv")
    assert (status, err.splitlines()[-1]) == (130, "attend: interrupted")
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_resume_without_anything_to_go_on_with_begins(attend, run_folder, folder, tmp_path):
    words = ["infer", run_folder, folder, "--resume", "--out", tmp_path / "found.csv"]
    assert attend(*words)[0] == 0
    first = (tmp_path / "found.csv").read_bytes()
    assert attend(*words)[0] == 0
    assert (tmp_path / "found.csv").read_bytes() == first


def test_only_the_same_inference_is_resumed(attend, refused, run_folder, folder, squares, tmp_path, calls):
    out = tmp_path / "found.csv"
    words = ["--out", out, "--resume"]
    calls.stop = 1
    assert attend("infer", run_folder, folder, *words)[0] == 130
    other = package.Model.create(package.load(run_folder).config, (16, 16, 1), package_key())
    other.save(tmp_path / "other.npz")
    assert "was begun with another RUN" in refused("infer", tmp_path / "other.npz", folder, *words)
    assert "another rule of reading" in refused("infer", run_folder, folder, *words, "--ground", "light")
    assert "another --n" in refused("infer", run_folder, folder, *words, "--n", "5")
    Image.fromarray(squares.images[0, ..., 0]).save(folder / "new.png")
    assert "another IMAGES; give the same, or delete it" in refused("infer", run_folder, folder, *words)
    (folder / "new.png").unlink()
    (tmp_path / "found.csv.unfinished" / "inference.json").write_text("[")
    assert "inference.json: is damaged" in refused("infer", run_folder, folder, *words)
    assert attend("infer", run_folder, folder, "--out", tmp_path / "another.csv")[0] == 0


def package_key():
    import jax

    return jax.random.key(7)


def test_two_processes_do_not_make_the_same_result(attend, refused, run_folder, folder, tmp_path, calls):
    words = ["infer", run_folder, folder, "--out", tmp_path / "found.csv", "--resume"]
    calls.stop = 1
    assert attend(*words)[0] == 130
    with (tmp_path / "found.csv.unfinished" / "inference.json").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "found.csv.unfinished: another process is working in it" in refused(*words)
    assert attend(*words)[0] == 0


def test_something_else_in_the_place_of_the_unfinished_result(refused, tmp_path):
    (tmp_path / "found.csv.unfinished").mkdir()
    (tmp_path / "found.csv.unfinished" / "mine").write_text("")
    line = refused("infer", "no-run", "digits", "--out", tmp_path / "found.csv")
    assert "found.csv.unfinished: is in the way; delete it, or choose another --out" in line


def test_n_counts_images_over_pieces_and_is_kept_on_resuming(attend, refused, run_folder, folder, tmp_path, calls):
    out = tmp_path / "found.json"
    calls.stop = 1
    assert attend("infer", run_folder, folder, "--out", out, "--n", "6")[0] == 130
    assert attend("infer", run_folder, folder, "--out", out, "--n", "6", "--resume")[0] == 0
    assert len(json.loads(out.read_text())["images"]) == 6
    assert [len(names) for names in calls] == [3, 3]
    assert "n: 0 scenes were asked for" in refused("infer", run_folder, folder, "--out", out, "--n", "0")
    status, _, err = attend("infer", run_folder, folder, "--out", out, "--n", "99")
    assert status == 2
    assert "holds 10 scenes; n is 99 and must not be more" in err
    assert len(json.loads(out.read_text())["images"]) == 6


@pytest.fixture
def slides(squares, tmp_path):
    """Images of several sizes, none smaller than the model's."""
    (tmp_path / "slides").mkdir()
    row = np.concatenate(squares.images[:6, ..., 0], axis=1)
    for number, (height, width) in enumerate([(16, 96), (16, 16), (30, 41), (32, 60)]):
        Image.fromarray(np.tile(row, (2, 1))[:height, :width]).save(tmp_path / "slides" / f"{number}.png")
    return tmp_path / "slides"


def test_larger_images_are_looked_at_in_tiles(attend, refused, run_folder, slides, tmp_path, two_in_each):
    words = ["infer", run_folder, slides, "--out"]
    assert "the model knows 16x16x1, and larger ones with --tile" in refused(*words, tmp_path / "found.csv")
    assert "choose another format with --tile" in refused(*words, tmp_path / "found.npz", "--tile")
    status, said, _ = attend(*words, tmp_path / "found.csv", "--tile")
    assert status == 0
    assert "in 4 images" in said
    table = pd.read_csv(tmp_path / "found.csv")
    model = package.load(run_folder)
    for number in range(4):
        with Image.open(slides / f"{number}.png") as image:
            expected = infer_tiled(model, np.asarray(image)[None])
        boxes = table[table["image"] == f"{number}.png"][["x0", "y0", "width", "height"]]
        np.testing.assert_allclose(boxes, expected.boxes[0, : expected.counts[0]], atol=1e-4)
    assert len(table) > 10
    for name in ("overlays", "crops", "yolo", "proposals"):
        out = tmp_path / f"{name}{exports[name].suffix or ''}"
        assert attend(*words, out, "--tile", "--format", name)[0] == 0
    assert len(list((tmp_path / "overlays").iterdir())) == 4
    coco = json.loads((tmp_path / "proposals.json").read_text())
    assert [(image["width"], image["height"]) for image in coco["images"]] == [(96, 16), (16, 16), (41, 30), (60, 32)]


def test_tiled_inference_resumes_image_by_image(attend, run_folder, slides, tmp_path, calls, two_in_each):
    words = ["infer", run_folder, slides, "--tile", "--out"]
    assert attend(*words, tmp_path / "whole.json")[0] == 0
    uninterrupted = list(calls)
    assert len(uninterrupted) == 4
    calls.clear()
    calls.stop = 2
    assert attend(*words, tmp_path / "found.json")[0] == 130
    assert attend(*words, tmp_path / "found.json", "--resume")[0] == 0
    assert calls == uninterrupted
    assert (tmp_path / "found.json").read_bytes() == (tmp_path / "whole.json").read_bytes()


def test_what_cannot_be_tiled_is_named(refused, run_folder, slides, tmp_path):
    Image.fromarray(np.zeros((20, 10), np.uint8)).save(slides / "0.png")
    line = refused("infer", run_folder, slides, "--tile", "--ground", "dark", "--out", tmp_path / "found.csv")
    assert "0.png: images: are 20x10 (height x width); a tile of this model takes 16x16" in line


def test_large_scenes_of_a_scenes_file_are_tiled_too(attend, run_folder, squares, tmp_path, two_in_each):
    SceneData(np.tile(squares.images[:3], (1, 2, 2, 1))).save(tmp_path / "large.npz")
    status, said, _ = attend("infer", run_folder, tmp_path / "large.npz", "--tile", "--out", tmp_path / "found.csv")
    assert status == 0
    assert "in 3 images" in said


def test_files_none_of_which_can_be_read(refused, run_folder, folder, tmp_path):
    for path in folder.rglob("*.png"):
        path.write_bytes(b"")
    line = refused("infer", run_folder, folder, "--out", tmp_path / "found.csv")
    assert f"none of {FILES} files can be read; the first: " in line


KILLED = """
    import itertools, os, signal, sys
    import attend.data.stream
    from attend.cli import main

    attend.data.stream.PIECE = {piece}
    replace, number = os.replace, itertools.count()

    def replace_or_die(source, target):
        moment = next(number)
        if moment == {before}:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)
        if moment == {after}:
            os.kill(os.getpid(), signal.SIGKILL)

    os.replace = replace_or_die
    sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_processes_killed_at_every_stage_are_resumed_to_the_same_bytes(attend, run_folder, folder, tmp_path):
    """Each is killed just before or after it puts a file in its place: header, pieces, the result beside, itself."""
    package.load(run_folder).save(tmp_path / "model.npz")
    words = ["infer", tmp_path / "model.npz", folder, "--out"]
    out = tmp_path / "found.json"

    def killed(before=-1, after=-1):
        code = textwrap.dedent(KILLED).format(piece=PIECE, before=before, after=after)
        command = [str(word) for word in (sys.executable, "-c", code, *words, out, "--resume")]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == -9, done.stderr

    assert attend(*words, tmp_path / "whole.json")[0] == 0
    out.write_text("old")
    for moment in ({"before": 0}, {"after": 1}, {"before": 1}, {"before": 2}):
        killed(**moment)
        assert out.read_text() == "old"
        if moment != {"before": 0}:  # else nothing was done yet
            status, _, err = attend(*words, out)
            assert status == 2
            assert err.count("\n") == 1
            assert "go on with --resume" in err
    killed(after=1)
    assert out.read_bytes() == (tmp_path / "whole.json").read_bytes()
    assert attend(*words, out, "--resume")[0] == 0
    assert out.read_bytes() == (tmp_path / "whole.json").read_bytes()
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"found.json", "images", "model.npz", "whole.json"}


def test_what_a_cluster_has_no_use_for_is_refused(refused, run_folder, folder, tmp_path):
    words = ["infer", run_folder, folder, "--out", tmp_path / "found"]
    assert "--format: has no use beside --cluster" in refused(*words, "--format", "csv", "--cluster")
    assert "--n: has no use beside --cluster" in refused(*words, "--n", "3", "--cluster", "auto")
    assert "--cluster: is auto local; there must be one address, or none" in refused(
        *words, "--cluster", "auto", "local"
    )
    assert "workers: is 0; it must be 1 or more" in refused(*words, "--cluster", "--workers", "0")
    assert "workers: is 2 without --cluster" in refused(*words[:-1], tmp_path / "found.csv", "--workers", "2")
    (tmp_path / "found").mkdir()
    (tmp_path / "found" / "mine.txt").write_text("")
    assert "found: is not empty; choose a new or an empty folder" in refused(*words, "--cluster")
    (tmp_path / "found" / "mine.txt").unlink()
    assert "digits: is no path of image files" in refused("infer", run_folder, "digits", *words[3:], "--cluster")
    assert list((tmp_path / "found").iterdir()) == []
