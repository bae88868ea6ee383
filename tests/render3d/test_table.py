import math
from functools import partial
from itertools import permutations

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

KINDS = tuple(shapes)
SIZE = (48, 48, 3)
RENDERER = TableRenderer(SIZE, kinds=KINDS, sizes=(0.15, 0.35))

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


@jax.jit
def prefixes(wheres: jax.Array, whats: jax.Array) -> jax.Array:
    """The canvases of 0 to N objects."""

    def step(state, latents):
        state = RENDERER.add(state, *latents)
        return state, RENDERER.canvas(state)

    _, canvases = jax.lax.scan(step, RENDERER.empty(), (wheres, whats))
    return jnp.concatenate([RENDERER.canvas(RENDERER.empty())[None], canvases])


@jax.jit
def alone(where: jax.Array, what: jax.Array):
    return RENDERER.layer(where, what)


def stacked(things):
    wheres, whats = zip(*things, strict=True)
    return jnp.stack(wheres), jnp.stack(whats)


def test_it_is_a_renderer():
    assert isinstance(RENDERER, Renderer)
    assert jax.tree.leaves(RENDERER) == []  # nothing to learn in p


@given(seeds)
def test_canvases_are_images_and_prefixes_are_what_the_first_objects_alone_give(seed):
    things = objects(seed, 3)
    canvases = prefixes(*stacked(things))
    assert canvases.shape == (4, *SIZE)
    assert float(canvases.min()) >= 0
    assert float(canvases.max()) <= 1
    np.testing.assert_allclose(canvases[0], RENDERER.background(), atol=1e-6)
    np.testing.assert_allclose(prefixes(*stacked(things[:1]))[1], canvases[1], atol=1e-5)
    np.testing.assert_allclose(prefixes(*stacked(things[:2]))[2], canvases[2], atol=1e-5)


@given(seeds)
def test_objects_may_come_in_any_order(seed):
    things = objects(seed, 3)
    first, *others = (prefixes(*stacked(order))[-1] for order in permutations(things))
    for other in others:
        np.testing.assert_allclose(other, first, atol=1e-4)


@given(st.sampled_from(KINDS), seeds)
def test_the_window_shows_all_that_the_whole_image_would(kind, seed):
    where, _ = objects(seed, 1)[0]
    small, large = (look(where, what(kind, size=0.15)) for look in (alone_in_a_window, alone))
    np.testing.assert_allclose(small.coverage, large.coverage, atol=1e-4)


SMALL = TableRenderer(SIZE, kinds=KINDS, sizes=(0.1, 0.15))
assert SMALL.window < RENDERER.window == 48  # the other one's is the whole image
alone_in_a_window = jax.jit(SMALL.layer)


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
    renderer = TableRenderer(SIZE, kinds=("pan",), sizes=(0.3, 0.3), camera=Camera((0.0, 0.0, 2.0)))
    pan = jnp.array([1.0, 0.5, 0.5, 0.5])
    ahead, left = (centroid(renderer.layer(jnp.array([0.0, 0.0, yaw]), pan).coverage) for yaw in (0.0, math.pi / 2))
    middle = 23.5
    assert ahead[0] > middle + 0.3
    assert ahead[1] == pytest.approx(middle, abs=0.1)
    assert left[1] < middle - 0.3
    assert left[0] == pytest.approx(middle, abs=0.1)


def test_a_larger_object_covers_more_and_its_box_is_that_of_its_coverage():
    boxes = [
        footprint_box(alone(jnp.zeros(3), what("cylinder", size=size)).coverage[..., None]) for size in (0.15, 0.3)
    ]
    assert float(boxes[1][2]) == pytest.approx(2 * float(boxes[0][2]), rel=0.25)
    width = 0.7 * 0.3 * RENDERER.camera.focal_length(SIZE[:2]) / math.dist(RENDERER.camera.position, (0, 0, 0.1))
    assert float(boxes[1][2]) == pytest.approx(width + 1.5, abs=1)  # the blur around the outline adds to both sides


def test_the_nearer_object_hides_the_farther():
    camera = Camera((0.0, -1.2, 0.25), (0.0, 0.0, 0.1), 0.5)
    renderer = TableRenderer(SIZE, kinds=KINDS, sizes=(0.15, 0.35), camera=camera)

    def canvas(y):
        state = renderer.add(renderer.empty(), jnp.array([0.0, -0.2, 0.0]), what("cube", size=0.35))
        return renderer.canvas(renderer.add(state, jnp.array([0.0, y, 0.5]), what("sphere", (0, 1, 0), 0.15)))

    hidden, pull = jax.vjp(canvas, jnp.array(0.25))
    cube = renderer.canvas(renderer.add(renderer.empty(), jnp.array([0.0, -0.2, 0.0]), what("cube", size=0.35)))
    np.testing.assert_allclose(hidden, cube, atol=0.01)
    assert abs(float(pull(jnp.ones(SIZE))[0])) < 0.05
    before = canvas(jnp.array(-0.6))
    assert float(jnp.abs(before - cube).max()) > 0.3


ROW, COLUMN = np.mgrid[: SIZE[0], : SIZE[1]] / 48.0
WEIGHTS = np.stack([np.sin(5 * COLUMN + 2 * ROW + 1), np.cos(4 * ROW - COLUMN), np.sin(3 * ROW + 4 * COLUMN)], -1)


def losses(latents: jax.Array, category: jax.Array) -> jax.Array:
    """Of one object's outline and canvas, smooth; latents are x, y, yaw, red, green, blue, size."""
    state = RENDERER.add(RENDERER.empty(), latents[:3], jnp.concatenate([category, latents[3:]]))
    canvas = RENDERER.canvas(state)
    return jnp.stack([jnp.sum(WEIGHTS[..., 0] * state.coverage[0]), jnp.sum(WEIGHTS * (canvas - 0.3) ** 2)])


@jax.jit
@partial(jax.vmap, in_axes=(0, None, None))
def changes(start: jax.Array, move: jax.Array, category: jax.Array) -> tuple[jax.Array, jax.Array]:
    """By how much the losses change from `start` to `start + move`, and the gradient added up on the way."""
    ways = (jnp.arange(32) + 0.5) / 32
    slopes = jax.vmap(lambda way: jax.jacrev(losses)(start + way * move, category) @ move)(ways)
    return losses(start + move, category) - losses(start, category), jnp.mean(slopes, axis=0)


def starts() -> jax.Array:
    things = [objects(seed, 1)[0] for seed in range(6)]
    latents = jnp.stack([jnp.concatenate([where, what[len(KINDS) :].clip(0.2, 0.28)]) for where, what in things])
    return latents.at[:, 3:6].set(jnp.array([0.7, 0.5, 0.2]))


def added_error(kind: str, latent: int, far: float) -> np.ndarray:
    """Of the gradient added up on the way, relative to the change, over six places: outline, canvas."""
    change, added = map(np.asarray, changes(starts(), far * jnp.eye(7)[latent], what(kind)[: len(KINDS)]))
    return np.linalg.norm(change - added, axis=0) / np.linalg.norm(change, axis=0)


X, Y, YAW, RED, SIZE_LATENT = 0, 1, 2, 3, 6


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "latent", "far", "most"),
    [
        *((kind, X, 0.06, 0.03) for kind in ("sphere", "cube", "plate", "mug", "pan", "bowl")),
        *((kind, SIZE_LATENT, 0.06, 0.05) for kind in ("sphere", "cube", "plate", "mug", "pan", "bowl")),
        ("sphere", Y, 0.06, 0.02),
        ("cube", Y, 0.06, 0.25),
        ("plate", Y, 0.06, 0.3),
        ("mug", Y, 0.06, 0.15),
        ("cube", YAW, 0.6, 0.1),
        ("mug", YAW, 0.6, 0.1),
    ],
)
def test_an_outline_s_gradient_adds_up_to_its_change(kind, latent, far, most):
    assert added_error(kind, latent, far)[0] < most


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "latent", "far", "most"),
    [
        ("sphere", RED, 0.2, 1e-3),
        ("mug", RED, 0.2, 1e-3),
        ("sphere", SIZE_LATENT, 0.06, 0.1),
        ("cube", SIZE_LATENT, 0.06, 0.15),
        ("cube", YAW, 0.6, 0.1),
        ("sphere", X, 0.06, 0.2),
    ],
)
def test_a_canvas_s_gradient_adds_up_to_its_change(kind, latent, far, most):
    assert added_error(kind, latent, far)[1] < most


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
