import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from attend.data import light_ground

ANY = arrays.arrays(
    np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))
)


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 20),
    side=st.integers(10, 24),
    channels=st.sampled_from([1, 3]),
    ground=st.integers(200, 240),
)
def test_ink_on_paper_is_light_and_its_negative_is_dark(seed, n, side, channels, ground):
    rng = np.random.default_rng(seed)
    images = rng.integers(ground - 15, ground + 16, (n, side, side, channels)).astype(np.uint8)
    for image in images:
        for y, x in rng.integers(side - 4, size=(rng.integers(3), 2)):  # some reach the border
            image[y : y + 4, x : x + 4] = rng.integers(0, 120)
    assert light_ground(images)
    assert not light_ground(255 - images)
    assert light_ground(images.astype(np.float32) / 255)


@given(images=ANY)
def test_never_both_an_image_and_its_negative(images):
    assert not (light_ground(images) and light_ground(255 - images))


@given(images=ANY)
def test_order_and_orientation_do_not_matter(images):
    light = light_ground(images)
    assert light_ground(images[::-1]) == light
    assert light_ground(images[:, ::-1]) == light
    assert light_ground(np.swapaxes(images, 1, 2)) == light
    assert light_ground(np.concatenate([images, images])) == light
    if images.shape[3] == 1:
        assert light_ground(images.repeat(3, axis=3)) == light


def test_a_bright_border_alone_or_bright_objects_do_not_make_a_light_ground():
    photograph = np.full((1, 20, 20, 1), 230, np.uint8)
    photograph[:, 2:-2, 2:-2] = np.linspace(0, 160, 16).astype(np.uint8)[:, None]
    assert not light_ground(photograph)
    lamps = np.full((1, 20, 20, 1), 140, np.uint8)
    lamps[:, 5:9, 5:9] = 255
    assert not light_ground(lamps)
    assert light_ground(np.full((1, 5, 5, 1), 255, np.uint8))
