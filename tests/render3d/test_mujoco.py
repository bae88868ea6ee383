"""Ours beside MuJoCo's renderer, and MuJoCo as a black box; skipped without MuJoCo, or OSMesa to draw into memory."""

import ctypes.util
import math
import os
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import attend
from attend.p import Renderer, renderers
from attend.render3d import Camera, TableRenderer

if not ctypes.util.find_library("OSMesa"):
    pytest.skip("OSMesa is not installed", allow_module_level=True)
os.environ.setdefault("MUJOCO_GL", "osmesa")
mujoco = pytest.importorskip("mujoco")

PAGE = (Path(__file__).parents[2] / "docs" / "renderers.md").read_text()
SKETCHES = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)

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
def black_box():
    names = {}
    exec(SKETCHES[-1], names)
    yield names["renderer"]
    names["eye"].close()


def test_the_pages_renderer_is_one_and_short(black_box):
    assert isinstance(black_box, Renderer)
    assert len([line for line in SKETCHES[-1].splitlines() if line]) < 30
    canvas = black_box.canvas(black_box.add(black_box.empty(), jnp.array([0.1, 0.0, 0.4]), jnp.array([1.0, 0.0])))
    assert canvas.shape == (32, 32, 3)
    assert 0 <= float(canvas.min()) < float(canvas.max()) <= 1


@pytest.mark.slow
def test_q_learns_through_the_pages_renderer(black_box, monkeypatch):
    monkeypatch.setattr(renderers, "_entries", dict(renderers) | {"blocks": lambda config, size, *, key: black_box})
    rng = np.random.default_rng(0)
    where = rng.uniform([-0.3, -0.3, -np.pi], [0.3, 0.3, np.pi], (96, 3)).astype(np.float32)
    what = np.eye(2, dtype=np.float32)[rng.integers(2, size=96)]
    scenes = np.zeros((96, 2, 6), np.float32)
    scenes[:, 0] = np.concatenate([np.ones((96, 1)), where, what], axis=1)
    images = black_box.function(scenes).astype(np.float32)

    def learned(steps):
        small = {"cell_widths": (12, 16, 16), "encoder_widths": (48,), "glimpse": 12, "batch_size": 8}
        settings = {"learning_rate": 3e-3, "warmup_steps": 0, "saliency": 3.0, "pixel_sd": 0.1}
        model = attend.fit(images, renderer="blocks", max_objects=1, steps=steps, **small, **settings, progress=False)
        found = model.infer(images)
        return model.elbo(images).mean(), np.linalg.norm(found.where[:, 0, :2] - where[:, :2], axis=1).mean()

    (first_elbo, first_error), (elbo, error) = learned(1), learned(120)
    assert elbo > first_elbo
    assert error < 0.6 * first_error
