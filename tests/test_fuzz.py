"""Whatever a file holds, it is taken or refused by AttendError; nothing in it is run, nothing leaves its folder."""

import io
import json
import pickle
import shutil
import warnings
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tifffile
import tiny
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from attend.cli import main
from attend.config import CHOICES
from attend.data import SceneData
from attend.data.decode import decode
from attend.data.images import read_images
from attend.errors import AttendError
from attend.exports import Results, exports
from attend.fitting import Header
from attend.model import Model
from attend.scenes import Scenes
from attend.training import Checkpoints, RunFolder
from attend.training import checkpoint as checkpoints


class Hostile:
    """Pickled, it makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def damaged(content):
    """Bytes like `content` with some overwritten, left out or put in."""
    place = st.integers(0, len(content))
    change = st.tuples(place, st.integers(0, 8), st.binary(max_size=8))

    def apply(changes):
        result = content
        for at, left_out, put_in in changes:
            result = result[:at] + put_in + result[at + left_out :]
        return result

    return st.lists(change, min_size=1, max_size=3).map(apply)


def taken_or_refused(read, *arguments):
    """What `read` returns, or None if it raises AttendError with one line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return read(*arguments)
        except AttendError as error:
            line = str(error)
    assert "\n" not in line
    return None


def written(write):
    file = io.BytesIO()
    write(file)
    return file.getvalue()


PIXELS = np.random.default_rng(0).integers(256, size=(4, 6, 5, 3), dtype=np.uint8)
PICTURES = {
    kind: written(lambda file, kind=kind: Image.fromarray(PIXELS[0]).save(file, kind))
    for kind in ("PNG", "JPEG", "BMP", "WEBP", "TIFF", "GIF", "JPEG2000")
}
OME = {"ome": True, "photometric": "minisblack"}
STACK = {"axes": "ZCYX", "Channel": {"Name": list("abcdef")}, "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
PICTURES |= {
    "npy": written(lambda file: np.save(file, PIXELS)),
    "OME-TIFF": written(lambda file: tifffile.imwrite(file, PIXELS, metadata=STACK, **OME)),
    "ImageJ": written(lambda file: tifffile.imwrite(file, PIXELS, imagej=True, metadata={"axes": "ZCYX"})),
}
BOXES = np.ones((4, 1, 4), np.float32)
SCENES = {"images": PIXELS, "counts": np.ones(4, int), "boxes": BOXES, "labels": np.zeros((4, 1), int)}


@pytest.mark.parametrize("kind", PICTURES)
@given(data=st.data())
def test_damaged_pictures(kind, data):
    for stack in taken_or_refused(decode, data.draw(damaged(PICTURES[kind]))) or ():
        assert stack.pixels.ndim == len(stack.axes) + 3
        assert stack.pixels.dtype in (np.uint8, np.uint16, np.float32)


def scenes(names=None):
    """Three scenes of an object each."""
    images, codes, boxes = np.zeros((3, 8, 8, 1), np.float32), np.ones((3, 1, 2), np.float32), np.ones((3, 1, 4), "f4")
    probs = np.tile(np.float32([0.2, 0.8]), (3, 1))
    return Scenes(
        images, images, codes, codes, codes, codes, probs, boxes, np.zeros((3, 1, 4, 4, 1), np.float32), names
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def files(folder):
    """An intact file of each kind of archive, and how it is read."""
    SceneData(**SCENES).save(folder / "scenes.npz")
    scenes().to_npz(folder / "found.npz")
    tiny.model().save(folder / "model.npz")
    readers = {"scenes": SceneData.load, "found": Scenes.from_npz, "model": Model.load}
    return {name: ((folder / f"{name}.npz").read_bytes(), read) for name, read in readers.items()}


@pytest.mark.parametrize("kind", ["scenes", "found", "model"])
@given(data=st.data())
def test_damaged_archives(folder, files, kind, data):
    content, read = files[kind]
    path = folder / "damaged.npz"
    path.write_bytes(data.draw(damaged(content)))
    taken_or_refused(read, path)


def array_header(text):
    """An array file of numpy's whose header says `text`."""
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + bytes(64)


@given(
    st.text(max_size=60)
    | st.builds(
        "{{'descr': {}, 'fortran_order': {}, 'shape': {}}}".format,
        st.sampled_from(["'|u1'", "'|O'", "'<U9'", "[('a', '<i4')]", "'<M8[s]'", "'nonsense'", "3", "None", "'V0'"]),
        st.sampled_from(["False", "True", "1"]),
        st.sampled_from(["(1,)", "()", "(10**18,)", "(1000000000000000000,)", "(-1,)", "(2, 3", "'a'", "(0,) * 99"]),
    )
)
@example("{'descr': '|u1', 'fortran_order': False, 'shape': (4000000000000, 9, 9), }")
def test_archives_with_odd_headers(folder, header):
    path = folder / "header.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", array_header(header))
    assert taken_or_refused(SceneData.load, path) is None


@given(data=st.data())
def test_archives_with_odd_arrays(folder, data):
    odd = arrays.arrays(
        arrays.scalar_dtypes() | arrays.unicode_string_dtypes(max_len=3),
        arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=3),
    )
    names = data.draw(st.sets(st.sampled_from(sorted(SCENES)), min_size=1))
    np.savez(folder / "odd.npz", **SCENES | {name: data.draw(odd) for name in sorted(names)})
    read = taken_or_refused(SceneData.load, folder / "odd.npz")
    assert read is None or read.images.dtype == np.uint8


@pytest.mark.parametrize("kind", ["scenes", "found", "model"])
def test_pickled_arrays_are_not_unpickled(files, tmp_path, kind):
    content, read = files[kind]
    with np.load(io.BytesIO(content)) as archive:
        fields = dict(archive)
    for name in fields:
        np.savez(tmp_path / "pickled.npz", **fields | {name: np.array([Hostile(tmp_path / "run")], dtype=object)})
        with pytest.raises(AttendError, match=r"pickled\.npz: cannot be read as plain arrays"):
            read(tmp_path / "pickled.npz")
    assert not (tmp_path / "run").exists()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just(10**400),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=3), inside, max_size=3),
    max_leaves=5,
)
HEADER = Header(tiny.config(), tiny.SIZE, 0).to_dict()
PLACES = [(key,) for key in HEADER] + [
    ("config", section, name) for section in HEADER["config"] for name in HEADER["config"][section]
]
PLACES += [(*place, "name") for place in PLACES if place[-1] in CHOICES] + [("config", "model", "renderer", "what")]
PLACES += [("config", "model", "cell_widths"), ("config", "train", "count_log_odds_end")]  # as once stored


@given(st.sampled_from(PLACES), JSON, st.dictionaries(st.sampled_from(["reading", "config", "x"]), JSON))
def test_odd_configurations(folder, place, value, more):
    header = json.loads(json.dumps(HEADER))
    inside = header
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    (folder / "config.json").write_text(json.dumps(header | more))
    taken_or_refused(Header.read, folder)


@given(damaged(json.dumps(HEADER).encode()) | st.binary())
@example(b"[" * 100_000)
@example(b"1" * 10_000)
def test_damaged_configurations(folder, content):
    (folder / "config.json").write_bytes(content)
    taken_or_refused(Header.read, folder)


@given(
    damaged(b'{"step": 1, "loss": 0.5, "elbo": null, "seconds": 1.5}\n')
    | JSON.map(lambda v: f"{json.dumps(v)}\n".encode())
)
def test_damaged_curves(folder, content):
    (folder / "config.json").write_text("{}")
    (folder / "metrics.jsonl").write_bytes(content)
    for row in taken_or_refused(RunFolder(folder).metrics) or ():
        assert isinstance(row["step"], int)
        assert all(value is None or np.isfinite(float(value)) for value in row.values())


STATE = {"w": jnp.arange(12.0), "key": jax.random.key(1)}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Two checkpoints, the first of zeros, and what the files of the second hold."""
    stored = Checkpoints(tmp_path_factory.mktemp("saved") / "c")
    stored.save(1, STATE | {"w": jnp.zeros(12)})
    stored.save(2, STATE)
    stored.close()
    paths = sorted(path for path in (stored.folder / "2").rglob("*") if path.is_file())
    return stored, {path: path.read_bytes() for path in paths}


@given(data=st.data())
def test_a_damaged_checkpoint_is_whole_or_passed_over(saved, data):
    stored, contents = saved
    path = data.draw(st.sampled_from(sorted(contents)))
    bomb = pickle.dumps(Hostile(stored.folder / "run"))
    path.write_bytes(data.draw(damaged(contents[path]) | st.binary(max_size=64) | st.just(bomb)))
    restored = taken_or_refused(stored.restore_latest, STATE)
    path.write_bytes(contents[path])
    assert restored["w"].tolist() in (STATE["w"].tolist(), [0.0] * 12)
    assert sorted(entry.name for entry in stored.folder.iterdir()) == ["1", "2"]


@pytest.mark.parametrize(
    ("dtype", "shape"), [("object", [1]), ("O", [6]), ("float32", [-1]), ("nonsense", []), (3, "a")]
)
def test_a_checkpoint_that_vouches_for_odd_leaves_is_refused(saved, tmp_path, monkeypatch, dtype, shape):
    """Its digest is right, as of one that was made on purpose."""
    pack = checkpoints._pack

    def odd(leaves):
        content, index = pack(leaves)
        index["leaves"][0] |= {"dtype": dtype, "shape": shape}
        return content, {"leaves": index["leaves"], "sha256": checkpoints._digest(content, index["leaves"])}

    monkeypatch.setattr(checkpoints, "_pack", odd)
    stored = Checkpoints(tmp_path / "c")
    stored.save(1, STATE)
    stored.close()
    assert taken_or_refused(stored.restore_latest, STATE) is None


def test_odd_names_beside_checkpoints_are_left_alone(saved, tmp_path):
    folder = shutil.copytree(saved[0].folder, tmp_path / "c")
    for name in ("²", "٣", "x", "-3", "4.tmp"):
        (folder / name).mkdir()
    assert Checkpoints(folder).steps() == [1, 2]


NAMES = st.lists(st.text('ab./\\:~ \n,"\udcff', max_size=9), min_size=3, max_size=3)


@pytest.mark.parametrize("name", exports)
@given(names=NAMES)
@example(["../../a", "/../a", "C:\\..\\a"])
@example(["a", "a/b", "a.b/../.."])
@example(["a\udcff", "..", ""])
def test_no_name_of_an_image_leads_out_of_the_folder(folder, name, names):
    inside, out = folder / "inside", f"out{exports[name].suffix or ''}"
    shutil.rmtree(inside, ignore_errors=True)
    inside.mkdir()
    taken_or_refused(exports[name].write, Results(scenes(tuple(names))), inside / out)
    assert {path.name for path in inside.iterdir()} <= {out}
    assert not (folder / "a").exists()


@given(st.text("ab*?[]/.#~\0\n\udcff", max_size=12) | st.binary(max_size=12))
def test_lists_of_paths(folder, lines):
    path = folder / "list.txt"
    path.write_bytes(lines if isinstance(lines, bytes) else lines.encode(errors="surrogateescape"))
    assert taken_or_refused(read_images, path) is None


@pytest.mark.slow
@pytest.mark.parametrize("command", ["train", "infer", "show", "cluster", "evaluate", "report"])
def test_commands_refuse_odd_files_in_one_line(files, tmp_path, capsys, monkeypatch, command):
    """As images and, but for training, as a run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.npz").write_bytes(files["model"][0])
    rng = np.random.default_rng(0)
    odd = {"empty.npz": b"", "odd.npz": files["scenes"][0][:-9], "odd.png": PICTURES["PNG"][:60]}
    odd |= {"list.txt": b"\0\n/x\xff"}
    odd |= {f"{n}{suffix}": rng.bytes(50) for n, suffix in enumerate((".npz", ".png", ".tif", ".txt", ".json", ""))}
    for name, content in odd.items():
        (tmp_path / name).write_bytes(content)
    configs = {"run-a": b"[" * 100_000, "run-b": json.dumps(HEADER).encode(), "run-c": b"{}"}
    for name, config in configs.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_bytes(config)
    before = sorted(tmp_path.rglob("*"))
    out = {"infer": "o.csv", "show": "o.png", "report": "o.html", "evaluate": None}.get(command, "o")
    pairs = [("model.npz", name) for name in odd] + [(name, "odd.png") for name in (*odd, *configs)]
    for run, images in pairs:
        words = [command, *([] if command == "train" else [run]), images, *(["--out", out] if out else [])]
        status = main(words)
        said, err = capsys.readouterr()
        assert (status, said, err.count("\n")) == (2, "", 1), (words, err)
        assert sorted(tmp_path.rglob("*")) == before
