"""A cluster gives the rows that one machine gives, each image exactly once, whoever dies and whenever it is stopped."""

import contextlib
import json
import os
import pickle
import re
import signal
import socket
import threading
import time
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import pandas
import pyarrow as pa
import pytest
import tiny
from PIL import Image
from pyarrow import parquet

from attend.distributed import driver, look_over_cluster, ray_cluster, worker
from attend.distributed.parts import PARTS
from attend.distributed.ray_cluster import LOCAL, Share, joined, shared
from attend.errors import AttendError
from attend.looking import look_into, looker_of

N = 2100
"""Images: more than eight pieces of 256."""

PAGE = Path(__file__).parents[2] / "docs" / "cluster.md"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model whose boxes and counts depend on the image."""
    model = tiny.model()
    arrays, static = eqx.partition(model.q, eqx.is_inexact_array)
    generator = np.random.default_rng(2)
    arrays = jax.tree.map(lambda a: a + generator.standard_normal(a.shape).astype(a.dtype), arrays)
    path = tmp_path_factory.mktemp("model") / "model.npz"
    eqx.tree_at(lambda m: m.q, model, eqx.combine(arrays, static)).save(path)
    return path


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A folder of images, of which one cannot be read."""
    folder = tmp_path_factory.mktemp("images")
    for number, pixels in enumerate(np.random.default_rng(0).integers(256, size=(N, 8, 8), dtype=np.uint8)):
        Image.fromarray(pixels).save(folder / f"{number:04}.png", compress_level=0)
    (folder / "0300.png").write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def one_machine(model, images, tmp_path_factory):
    """The table that one machine makes of the same images."""
    path = tmp_path_factory.mktemp("one") / "found.parquet"
    with pytest.warns(UserWarning, match=r"0300\.png: .*; skipped"):
        look_into(looker_of(model), images, path, tell=silent, ground="dark")
    table = parquet.read_table(path)
    assert (
        len({tuple(box) for box in zip(*(table[name].to_pylist() for name in ("x0", "y0", "width")), strict=True)}) > 9
    )
    return table


@pytest.fixture
def by_itself(monkeypatch):
    """No cluster: this process does what the workers would do, with a job that was sent as to them."""

    def reports(job, workers):
        mapper = worker.Mapper(pickle.loads(pickle.dumps(job)))
        for number in range(len(job)):
            (said,) = mapper({"item": np.array([number])})["report"]
            if "error" in json.loads(said):
                raise AttendError(json.loads(said)["error"])
            yield json.loads(said)

    monkeypatch.setattr(driver, "joined", contextlib.nullcontext)
    monkeypatch.setattr(driver, "_reports", reports)


def silent(source, note):
    pass


def whole(out: Path, table: str) -> pa.Table:
    return pa.concat_tables(parquet.ParquetFile(path).read() for path in sorted((out / table).iterdir()))


def assert_each_image_once(out: Path):
    found = whole(out, "images")
    assert found["image"].to_pylist() == [f"{n:04}.png" for n in [*range(300), *range(301, 512), 300, *range(512, N)]]
    (unreadable,) = found.filter(pa.compute.is_null(found["count"]))["error"].to_pylist()
    assert unreadable.endswith("0300.png: cannot be read as an image (it is empty)")
    assert pa.compute.sum(found["count"]).as_py() == len(whole(out, "objects"))
    assert {path.name for path in out.iterdir()} == {"inference.json", *PARTS}


def assert_same(found, expected, **tolerance):
    """Bit for bit, unless there is a tolerance; if not, it is said in which rows."""
    options = tolerance or {"check_exact": True}
    pandas.testing.assert_frame_equal(found.to_pandas(), expected.to_pandas(), **options)


def kill_one_at_work(folder: Path) -> None:
    """Kill a worker that is in the middle of a part, once another part is done."""
    while not list((folder / "images").glob("[!.]*")):
        time.sleep(0.01)
    while True:
        for path in (folder / "tries").glob("*"):
            with contextlib.suppress(OSError, ValueError):
                os.kill(int(path.read_text().split()[1]), signal.SIGKILL)
                time.sleep(0.1)
                if not (folder / "images" / f"part-{path.name}.parquet").exists():  # else it had just ended
                    return
        time.sleep(0.001)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_worker_is_killed_and_every_image_is_there_once_with_the_same_boxes(model, images, one_machine, tmp_path):
    notes, steps = [], []
    killer = threading.Thread(target=kill_one_at_work, args=[tmp_path / "found.unfinished"], daemon=True)
    killer.start()
    with pytest.warns(UserWarning, match=r"0300\.png: .*; skipped"):
        totals = look_over_cluster(
            model,
            images,
            tmp_path / "found",
            workers=2,
            step=1,
            tell=lambda _, note: notes.append(note),
            progress=lambda *step: steps.append(step),
            ground="dark",
        )
    killer.join()
    assert_each_image_once(tmp_path / "found")
    # Not bit for bit: in one run of eleven they were not the same bits, and why is not known.
    assert_same(whole(tmp_path / "found", "objects"), one_machine, rtol=1e-4, atol=1e-3)
    assert totals == (N - 1, len(one_machine), len(one_machine), 1)
    assert steps == [(done, 9) for done in range(10)]
    assert any("done again since a worker died" in note for note in notes)


@pytest.mark.filterwarnings("ignore:.*skipped")
def test_what_was_stopped_goes_on_with_the_parts_that_are_missing(
    model, images, one_machine, by_itself, tmp_path, monkeypatch
):
    out, unfinished = tmp_path / "found", tmp_path / "found.unfinished"
    look = worker.Worker.look

    def stopped(self, number):
        if number == 3:
            raise KeyboardInterrupt
        return look(self, number)

    with monkeypatch.context() as patch:
        patch.setattr(worker.Worker, "look", stopped)
        with pytest.raises(KeyboardInterrupt, match=r"found\.unfinished keeps what is done, --resume goes on"):
            look_over_cluster(model, images, out, step=2, tell=silent, ground="dark")
    assert not out.exists()
    before = {path: path.stat().st_mtime_ns for path in unfinished.glob("*/*.parquet")}
    assert len(before) == 6
    (unfinished / "images" / "part-000001.parquet").unlink()  # as if killed between the two tables
    (unfinished / "objects" / ".part-000003.parquet.12.tmp").write_bytes(b"begun")
    with pytest.raises(AttendError, match="keeps what a stopped inference has done"):
        look_over_cluster(model, images, out, step=2, ground="dark")
    with pytest.raises(AttendError, match="was begun with another rule of reading"):
        look_over_cluster(model, images, out, step=2, ground="light", resume=True)
    with pytest.raises(AttendError, match="was begun with another number of files in a part"):
        look_over_cluster(model, images, out, step=1, ground="dark", resume=True)
    totals = look_over_cluster(model, images, out, step=2, tell=silent, ground="dark", resume=True)
    assert totals == (N - 1, len(one_machine), len(one_machine), 1)
    assert_each_image_once(out)
    assert_same(whole(out, "objects"), one_machine)
    for number in (0, 2):
        for table in PARTS:
            path = out / table / f"part-{number:06}.parquet"
            assert path.stat().st_mtime_ns == before[unfinished / table / path.name]
    with pytest.raises(AttendError, match="found: is not empty"):
        look_over_cluster(model, images, out, resume=True)


@pytest.mark.filterwarnings("ignore:.*skipped")
def test_the_python_of_the_page_reads_what_is_written(model, images, one_machine, by_itself, tmp_path, monkeypatch):
    look_over_cluster(model, images, tmp_path / "found", tell=silent, ground="dark")
    monkeypatch.chdir(tmp_path)
    (sketch,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    names = {}
    exec(sketch, names)
    assert names["objects"].count_rows() == len(one_machine)
    assert names["images"].num_rows == N
    assert names["unreadable"]["image"].to_pylist() == ["0300.png"]


@pytest.mark.filterwarnings("ignore:.*skipped")
def test_a_list_and_parquet_are_looked_at_as_on_one_machine(model, images, by_itself, tmp_path):
    some = sorted(images.iterdir())[:600]
    (tmp_path / "some.txt").write_text("\n".join(map(str, some)))
    files = [path.read_bytes() for path in some]
    parquet.write_table(pa.table({"image": files}), tmp_path / "some.parquet", row_group_size=100)
    for source in ("some.txt", "some.parquet"):
        look_into(looker_of(model), tmp_path / source, tmp_path / "one.parquet", tell=silent)
        look_over_cluster(model, tmp_path / source, tmp_path / source[5:], step=1, tell=silent)
        assert whole(tmp_path / source[5:], "objects").equals(parquet.read_table(tmp_path / "one.parquet"))
        assert len(whole(tmp_path / source[5:], "images")) == 600
    first = whole(tmp_path / "parquet", "images")["image"].to_pylist()[:2]
    assert first == ["some.parquet/000000", "some.parquet/000001"]


def test_large_images_of_several_sizes_and_deep_ones_share_what_is_told_from_them(model, by_itself, tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "slides").mkdir()
    for number in range(20):
        pixels = (500 + 100 * number + 900 * rng.random((9 + number % 3, 17))).astype(np.uint16)
        Image.fromarray(pixels).save(tmp_path / "slides" / f"{number:02}.png")
    told: dict[str, set[str]] = {"one": set(), "many": set()}
    look_into(
        looker_of(model, tiled=True),
        tmp_path / "slides",
        tmp_path / "one.parquet",
        tell=lambda _, note: told["one"].add(note),
    )
    look_over_cluster(
        model, tmp_path / "slides", tmp_path / "found", tiled=True, tell=lambda _, note: told["many"].add(note)
    )
    assert whole(tmp_path / "found", "objects").equals(parquet.read_table(tmp_path / "one.parquet"))
    assert len(list((tmp_path / "found" / "images").iterdir())) == 2
    assert told["many"] == told["one"] != set()


def test_bad_input_stops_it_in_one_line_and_leaves_nothing(model, images, by_itself, tmp_path):
    with pytest.raises(AttendError, match=r"0300\.png: cannot be read as an image \(it is empty\)$"):
        look_over_cluster(model, images, tmp_path / "new" / "found", tell=silent, ground="dark", strict=True)
    with pytest.raises(AttendError, match="digits: is no path of image files; a cluster takes a folder"):
        look_over_cluster(model, "digits", tmp_path / "found")
    (tmp_path / "bad.txt").write_text(f"{images / '0300.png'}\n{images / '0300.png'}\n")
    with pytest.raises(AttendError, match=r"bad\.txt: none of 2 files can be read; the first: .*0300"):
        look_over_cluster(model, tmp_path / "bad.txt", tmp_path / "found", ground="dark")
    assert {path.name for path in tmp_path.iterdir()} == {"bad.txt"}


def test_a_worker_that_is_not_as_the_others_says_so(model, images, by_itself, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(worker, "version", lambda _: "0.0.1")
        with pytest.raises(AttendError, match=r"has attend 0\.0\.1; it must be "):
            look_over_cluster(model, images, tmp_path / "found", ground="dark")
    other = tmp_path / "other.npz"
    tiny.model().save(other)
    with monkeypatch.context() as patch:
        patch.setattr(worker, "looker_of", lambda *_, **__: looker_of(other))
        with pytest.raises(AttendError, match="is another model there; all machines must see the same"):
            look_over_cluster(model, images, tmp_path / "found", ground="dark")
    assert not (tmp_path / "found.unfinished").exists()


def test_a_part_at_which_workers_die_again_and_again_is_named(model, images, by_itself, tmp_path, monkeypatch):
    clear = driver._clear

    def died_before(folder):
        clear(folder)
        (folder / "tries").mkdir(exist_ok=True)
        (folder / "tries" / "000001").write_text("host 1\n" * worker.MOST_TRIES)

    monkeypatch.setattr(driver, "_clear", died_before)
    with pytest.raises(AttendError, match=r"0256\.png: 5 workers died at it or at one of the 255 files after it"):
        look_over_cluster(model, images, tmp_path / "found", step=1, tell=silent, ground="dark")


def test_a_cluster_is_shared_between_workers(monkeypatch):
    import ray

    def machines(*each):
        monkeypatch.setattr(ray, "nodes", lambda: [{"Alive": True, "Resources": each} for each in each])
        return shared

    assert machines({"CPU": 16.0}, {"CPU": 8.0}, {"CPU": 1.0})(None) == Share(7, 1, 0)
    assert machines({"CPU": 16.0}, {"CPU": 8.0})(None) == Share(6, 4, 0)
    assert machines({"CPU": 16.0, "GPU": 4.0}, {})(None) == Share(4, 4, 1)
    assert machines({"CPU": 2.0})(None) == Share(1, 2, 0)
    assert machines({"CPU": 2.0})(2) == Share(2, 1, 0)
    with pytest.raises(AttendError, match="workers: is 3; the cluster has 2 cores"):
        shared(3)


def test_without_ray_or_with_a_wrong_address_it_says_what_to_do(model, images, tmp_path, monkeypatch):
    with pytest.raises(AttendError, match=r"ray://a:1: is an address for clients; give HOST:PORT"), joined("ray://a:1"):
        pass
    with pytest.raises(AttendError, match="--cluster nowhere: must be HOST:PORT, or auto"), joined("nowhere"):
        pass
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (
        pytest.raises(AttendError, match=rf"--cluster 127\.0\.0\.1:{port}: does not answer \(Connection refused\)"),
        joined(f"127.0.0.1:{port}"),
    ):
        pass
    find = ray_cluster.importlib.util.find_spec
    monkeypatch.setattr(ray_cluster.importlib.util, "find_spec", lambda name: None if name == "ray" else find(name))
    with pytest.raises(AttendError, match=r"needs ray, which is not installed: pip install 'attend\[ray\]'"):
        look_over_cluster(model, images, tmp_path / "found", address=LOCAL)
    assert not list(tmp_path.iterdir())
