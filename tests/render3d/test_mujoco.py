"""Ours beside MuJoCo's renderer, and MuJoCo as a black box; skipped without OSMesa, which draws into memory."""

import ctypes.util
import math
import os
import re
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import attend
from attend.p import Renderer, renderers
from attend.render3d import Camera, TableRenderer
from attend.training import RunFolder

if not ctypes.util.find_library("OSMesa"):
    pytest.skip("OSMesa is not installed (Debian: libosmesa6)", allow_module_level=True)
os.environ.setdefault("MUJOCO_GL", "osmesa")
import mujoco

PAGE = (Path(__file__).parents[2] / "docs" / "renderers.md").read_text()
_, BLOCKS, LEARNING = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)

SIDE, SIZE = 160, 0.4
CAMERA = Camera((0.3, -1.2, 0.9), (0.0, 0.0, 0.1), 0.6)
GEOMS = {
    "cube": f'type="box" size="{0.4 * SIZE} {0.4 * SIZE} {0.4 * SIZE}" pos="0 0 {0.4 * SIZE}"',
    "sphere": f'type="sphere" size="{0.4 * SIZE}" pos="0 0 {0.4 * SIZE}"',
    "cylinder": f'type="cylinder" size="{0.35 * SIZE} {0.4 * SIZE}" pos="0 0 {0.4 * SIZE}"',
}
RENDERER = TableRenderer((SIDE, SIDE, 3), kinds=tuple(GEOMS), sizes=(SIZE, SIZE), camera=CAMERA)


@jax.jit
def coverage(where, what):
    return RENDERER.layer(where, what).coverage


def silhouette(kind: str, where: tuple[float, float, float]) -> np.ndarray:
    """The pixels of MuJoCo's image in which the solid is seen."""
    right, up, _ = CAMERA.axes
    place, axes = (" ".join(map(str, np.ravel(values))) for values in (CAMERA.position, [right, up]))
    x, y, yaw = where
    model = mujoco.MjModel.from_xml_string(f"""<mujoco><compiler angle="radian"/><worldbody>
      <camera name="eye" pos="{place}" xyaxes="{axes}" fovy="{math.degrees(CAMERA.field_of_view)}"/>
      <body pos="{x} {y} 0" euler="0 0 {yaw}"><geom {GEOMS[kind]}/></body>
    </worldbody></mujoco>""")
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    with mujoco.Renderer(model, SIDE, SIDE) as eye:
        eye.enable_segmentation_rendering()
        eye.update_scene(data, "eye")
        return eye.render()[..., 0] >= 0


@pytest.mark.parametrize("where", [(0.0, 0.0, 0.3), (-0.2, 0.15, 1.1)])
@pytest.mark.parametrize("kind", GEOMS)
def test_a_solid_is_seen_where_mujoco_sees_it(kind, where):
    what = jnp.array([*(float(kind == other) for other in GEOMS), 0.5, 0.5, 0.5])
    ours = np.asarray(coverage(jnp.array(where), what)) > 0.999  # where a ray meets the surface, without the halo
    theirs = silhouette(kind, where)
    assert theirs.sum() > 1000
    assert (ours & theirs).sum() / (ours | theirs).sum() >= 0.97


@pytest.fixture(scope="module")
def page():
    names = {}
    exec(BLOCKS, names)
    yield names
    names["eye"].close()


@pytest.fixture(scope="module")
def black_box(page):
    return page["renderer"]


def test_the_pages_renderer_is_one_and_short(black_box):
    assert isinstance(black_box, Renderer)
    assert len([line for line in BLOCKS.splitlines() if line]) < 30
    layer = black_box.layer(jnp.array([0.1, 0.0, 0.4]), jnp.array([1.0, 0.0]))
    canvas = black_box.canvas(black_box.add(black_box.empty(), layer))
    assert canvas.shape == (32, 32, 3)
    assert 0 <= float(canvas.min()) < float(canvas.max()) <= 1


@pytest.mark.slow
def test_a_pose_is_learned_through_the_pages_renderer(black_box):
    truth, block = jnp.array([0.1, 0.05, 0.4]), jnp.array([1.0, 0.0])

    def draw(where):
        return black_box.canvas(black_box.add(black_box.empty(), black_box.layer(where, block)))

    target = draw(truth)

    @jax.jit
    @jax.value_and_grad
    def loss(where):
        return jnp.mean((draw(where) - target) ** 2)

    first = where = truth + jnp.array([0.06, -0.05, 0.4])
    losses = []
    for step in range(16):
        error, slope = loss(where)
        losses.append(float(error))
        where -= 0.02 * 0.85**step * jnp.sign(slope) * jnp.array([1.0, 1.0, 5.0])
    assert losses[-1] < 0.3 * losses[0]
    assert np.all(np.abs(where - truth) < 0.5 * np.abs(first - truth))


@pytest.mark.slow
def test_q_learns_to_invert_the_pages_renderer(page, tmp_path, monkeypatch):
    """From images alone: kinds, and places to a fraction of what one answer for all would miss them by."""
    rng = np.random.default_rng(0)
    scenes = np.zeros((288, 2, 6), np.float32)
    kinds = rng.integers(2, size=len(scenes))
    scenes[:, 0, 0] = 1
    scenes[:, 0, 1:3] = places = rng.uniform(-0.35, 0.35, (len(scenes), 2))
    scenes[:, 0, 3] = rng.uniform(-np.pi, np.pi, len(scenes))
    scenes[np.arange(len(scenes)), 0, 4 + kinds] = 1
    images = np.round(255 * page["draw"](scenes)).astype(np.uint8)
    small = partial(
        attend.fit,
        steps=150,
        batch_size=16,
        warmup_steps=10,
        count_price=0.0,
        count_anneal_steps=75,
        run=tmp_path / "run",
        progress=False,
        cell_widths=(16, 24, 24),
        encoder_widths=(64,),
        glimpse=16,
    )
    monkeypatch.setattr(attend, "fit", lambda *args, **settings: small(*args, **(settings | {"max_objects": 1})))
    monkeypatch.setattr(renderers, "_entries", dict(renderers))
    names = page | {"images": images[:256]}
    exec(LEARNING, names)
    model = names["model"]
    early, late = (row["elbo"] for row in RunFolder(tmp_path / "run").metrics())
    found = model.infer(images[256:])
    missed = np.linalg.norm(found.where[:, 0, :2] - places[256:], axis=1)
    assert late > early + 50
    assert (found.counts == 1).all()
    assert np.mean(found.what[:, 0].argmax(axis=1) == kinds[256:]) > 0.9
    assert np.median(missed) < 0.25 * np.median(np.linalg.norm(places[256:], axis=1))
