import math
import re
from functools import partial
from itertools import permutations
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attend.errors import AttendError
from attend.geometry import footprint_box
from attend.p.renderer import Renderer
from attend.render3d import Camera, TableRenderer, shapes

PAGE = Path(__file__).parents[2] / "docs" / "renderers.md"
KINDS = tuple(shapes)
SIZE = (48, 48, 3)
RENDERER = TableRenderer(SIZE, kinds=KINDS, sizes=(0.15, 0.35))

pytestmark = pytest.mark.usefixtures("compiling_with_care")

seeds = st.integers(0, 2**16)


def what(kind: str, colour=(0.8, 0.5, 0.2), size: float = 0.25) -> jax.Array:
    return jnp.array([*(float(name == kind) for name in KINDS), *colour, size])


def objects(seed: int, n: int) -> list[tuple[jax.Array, jax.Array]]:
    """`n` random objects, `where` and `what`."""
    random = np.random.default_rng(seed)
    return [
        (
            jnp.asarray(random.uniform([-0.3, -0.3, 0], [0.3, 0.3, 6.3]), jnp.float32),
            what(str(random.choice(KINDS)), random.random(3), random.uniform(0.15, 0.35)),
        )
        for _ in range(n)
    ]


canvas = jax.jit(RENDERER.canvas)


@jax.jit
def add(state, where, what):
    """The state with one object more."""
    return RENDERER.add(state, RENDERER.layer(where, what))


def prefixes(things) -> list[jax.Array]:
    """The canvases of 0 to N objects."""
    state = RENDERER.empty()
    canvases = [canvas(state)]
    for thing in things:
        state = add(state, *thing)
        canvases.append(canvas(state))
    return canvases


def alone(where, what):
    """The layer of one object."""
    return add(RENDERER.empty(), where, what).layers[0]


@jax.jit
@jax.vmap
@partial(jax.value_and_grad, argnums=(0, 1))
def errors(where, what, others, target):
    """Squared error of an image with one object more than `others`, with its gradient."""
    return jnp.sum((RENDERER.canvas(add(others, where, what)) - target) ** 2)


def test_it_is_a_renderer():
    assert isinstance(RENDERER, Renderer)
    assert jax.tree.leaves(RENDERER) == []  # nothing to learn in p


@given(seeds)
def test_canvases_are_images_that_later_objects_do_not_change(seed):
    things = objects(seed, 3)
    canvases = np.stack(prefixes(things))
    assert canvases.shape == (4, *SIZE)
    assert float(canvases.min()) >= 0
    assert float(canvases.max()) <= 1
    np.testing.assert_allclose(canvases[0], RENDERER.background(), atol=1e-6)
    other = prefixes([*things[:2], *objects(seed + 1, 1)])
    np.testing.assert_array_equal(other[:3], canvases[:3])


@given(seeds)
def test_objects_may_come_in_any_order(seed):
    things = objects(seed, 3)
    first, *others = (prefixes(order)[-1] for order in permutations(things))
    for other in others:
        np.testing.assert_allclose(other, first, atol=1e-4)


WHOLE = TableRenderer(SIZE, kinds=KINDS, sizes=(0.15, 0.5))
assert WHOLE.region.whole
assert not RENDERER.region.whole
alone_in_the_whole_image = jax.jit(WHOLE.layer)


@given(st.sampled_from(KINDS), seeds)
def test_the_region_shows_all_that_the_whole_image_would(kind, seed):
    where, _ = objects(seed, 1)[0]
    here, everywhere = (look(where, what(kind, size=0.35)) for look in (alone, alone_in_the_whole_image))
    np.testing.assert_allclose(here.coverage, everywhere.coverage, atol=1e-4)


def centroid(coverage: jax.Array) -> np.ndarray:
    """The middle (column, row) of what is covered."""
    row, column = np.mgrid[: SIZE[0], : SIZE[1]]
    weights = np.asarray(coverage) / np.asarray(coverage).sum()
    return np.array([(weights * column).sum(), (weights * row).sum()])


@given(st.floats(-0.15, 0.15), st.floats(-0.15, 0.15), st.floats(0, 6.28), st.floats(0.02, 0.1))
def test_an_object_moved_on_the_table_moves_in_the_image_as_the_camera_says(x, y, towards, far):
    places = np.array([[x, y, 0.0], [x + far * math.cos(towards), y + far * math.sin(towards), 0.0]], np.float32)
    seen = [centroid(alone(jnp.asarray(place), what("sphere", size=0.2)).coverage) for place in places]
    middles = jnp.asarray(places + np.array([0, 0, 0.4 * 0.2]), jnp.float32)
    expected = np.asarray(RENDERER.camera.project(middles, SIZE[:2]))
    np.testing.assert_allclose(seen, expected, atol=0.15)  # a sphere's image is an ellipse, a little off its middle


@given(st.sampled_from(KINDS), seeds)
def test_an_object_turned_by_its_fold_looks_the_same(kind, seed):
    where, _ = objects(seed, 1)[0]
    fold = shapes[kind].fold
    turn = 2 * math.pi / fold if fold else 1.234
    first, second = (alone(where + jnp.array([0, 0, yaw]), what(kind)) for yaw in (0.0, turn))
    np.testing.assert_allclose(first.coverage, second.coverage, atol=0.02)
    np.testing.assert_allclose(*(layer.coverage * layer.shade for layer in (first, second)), atol=0.1)


def test_yaw_turns_counter_clockwise_seen_from_above():
    right, up, left, down = (
        centroid(alone(jnp.array([0.0, 0.0, quarter * math.pi / 2]), what("pan")).coverage) for quarter in range(4)
    )
    assert right[0] > 23.5 + 0.3 > 23.5 - 0.3 > left[0]  # the camera stands to the south and looks north
    assert up[1] < down[1] - 0.6
    np.testing.assert_allclose([up[0], down[0]], 23.5, atol=0.1)


def test_a_larger_object_covers_more_and_its_box_is_that_of_its_coverage():
    boxes = [
        footprint_box(alone(jnp.zeros(3), what("cylinder", size=size)).coverage[..., None]) for size in (0.15, 0.3)
    ]
    assert float(boxes[1][2]) == pytest.approx(2 * float(boxes[0][2]), rel=0.25)
    width = 0.7 * 0.3 * RENDERER.camera.focal_length(SIZE[:2]) / math.dist(RENDERER.camera.position, (0, 0, 0.1))
    assert float(boxes[1][2]) == pytest.approx(width + 1.5, abs=1)  # the blur around the outline adds to both sides


def test_the_nearer_object_hides_the_farther():
    cube = add(RENDERER.empty(), jnp.zeros(3), what("cube", size=0.35))
    balls = jnp.array([[0.0, 0.22, 0.0], [0.0, -0.3, 0.0]] * (N // 2)), jnp.stack([what("sphere", (0, 1, 0), 0.15)] * N)
    error, slopes = errors(*balls, *jax.tree.map(lambda x: jnp.stack([x] * N), (cube, canvas(cube))))
    assert float(error[0]) < 1e-3
    assert max(float(jnp.abs(slope[0]).max()) for slope in slopes) < 1e-2
    assert float(error[1]) > 10


N = 12
LATENTS = {"x": (0, 1e-3), "y": (1, 1e-3), "yaw": (2, 1e-2), "red": (-4, 1e-2), "size": (-1, 1e-3)}
"""Which number of `where` and `what`, put end to end, each is; and a step that moves nothing by a tenth pixel."""


def scenes(kind: str):
    """Objects that stand near a cube; their scenes without them; and images of them some way off."""
    random = np.random.default_rng(1)
    things, others, targets = [], [], []
    for _ in range(N):
        where = random.uniform([-0.25, -0.25, 0], [0.25, 0.25, 6.3])
        thing = what(kind, random.uniform(0.2, 0.8, 3), random.uniform(0.2, 0.28))
        turn = random.uniform(0, 6.3)
        aside = where + 0.25 * np.array([math.cos(turn), math.sin(turn), turn])
        others.append(add(RENDERER.empty(), jnp.asarray(aside, jnp.float32), what("cube", (0.2, 0.4, 0.8), 0.2)))
        moved = where + random.uniform(-1, 1, 3) * [0.04, 0.04, 0.5]
        smaller = jnp.append(thing[:-4], 0.9 * thing[-4:])
        targets.append(canvas(add(others[-1], jnp.asarray(moved, jnp.float32), smaller)))
        things.append(np.append(where, thing))
    return np.stack(things).astype(np.float32), jax.tree.map(lambda *x: jnp.stack(x), *others), jnp.stack(targets)


def slopes_and_differences(kind: str, latent: str, far: float, parts: int) -> tuple[np.ndarray, np.ndarray]:
    """Of squared errors in one latent: the gradient, averaged on a way, and the change from its one end to the other.

    Both are given per scene and for the whole way, which is `far` steps long to each side and has `parts` parts.
    """
    things, *rest = scenes(kind)
    index, step = LATENTS[latent]
    move = np.zeros_like(things)
    move[:, index] = far * step

    def at(by):
        there = things + np.float32(by) * move
        error, slopes = errors(there[:, :3], there[:, 3:], *rest)
        return np.asarray(error, float), np.concatenate(slopes, 1)[:, index]

    slopes = np.mean([at((2 * part + 1) / parts - 1)[1] for part in range(parts)], 0)
    return slopes * 2 * far * step, at(1)[0] - at(-1)[0]


FAST = ("cube", "mug")
CASES = [
    pytest.param(kind, latent, marks=() if kind in FAST else pytest.mark.slow)
    for kind in KINDS
    for latent in LATENTS
    if latent != "yaw" or shapes[kind].fold
]


@pytest.mark.parametrize(("kind", "latent"), CASES)
def test_the_gradient_is_that_of_finite_differences_but_for_single_pixels_that_jump(kind, latent):
    slopes, changes = slopes_and_differences(kind, latent, 1, 1)
    off = np.abs(slopes - changes) / np.sqrt(np.mean(changes**2))
    assert np.quantile(off, 0.8) < 0.15


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "latent"), CASES)
def test_gradients_add_up_to_the_change_over_two_pixels(kind, latent):
    slopes, changes = slopes_and_differences(kind, latent, 20, 64)
    assert np.linalg.norm(slopes - changes) < (0.12 if latent == "yaw" else 0.1) * np.linalg.norm(changes)


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"size": (48, 48, 1)}, "size"),
        ({"max_objects": 0}, "max_objects"),
        ({"kinds": ()}, "kinds"),
        ({"kinds": ("teapot",)}, "teapot"),
        ({"sizes": (0.3, 0.2)}, "sizes"),
        ({"colours": ((1.0, 0.0, 0.0),)}, "colours"),
        ({"table": (0.1, 0.2, 1.2)}, "table"),
        ({"blur": 0.0}, "blur"),
        ({"softness": math.inf}, "softness"),
        ({"camera": Camera((0.0, 0.0, 1.0), (0.0, 1.0, 3.0), 0.5)}, "does not see the table"),
    ],
)
def test_a_bad_field_is_refused(bad, field):
    with pytest.raises(AttendError, match=field):
        TableRenderer(**{"size": SIZE, **bad})


def test_what_holds_only_what_the_scenes_have():
    fixed = TableRenderer(SIZE, kinds=("mug", "pan"), colours=((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)))
    assert fixed.what_size == 2
    thing = fixed.read(jnp.array([0.2, 0.8]))
    assert thing.colour.tolist() == [0, 0, 1]
    assert float(thing.size) == pytest.approx(0.2)
    assert RENDERER.what_size == len(KINDS) + 4
    with pytest.raises(AttendError, match="takes 2"):
        fixed.read(jnp.zeros(3))


@pytest.mark.slow
def test_the_pages_sketch_runs():
    names: dict = {}
    exec(re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)[0], names)
    assert np.all(np.abs(names["slope"]) > 1e-5)
