import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from attend.data import Reading, Rules
from attend.data.parts import parts
from attend.data.ranges import robust_range, to_bytes
from attend.errors import AttendError

PAIR = st.tuples(st.integers(1, 99), st.integers(1, 99))
RULES = st.builds(
    lambda size, pair, bounds, ground, channel, project, strict: Rules(
        **{size: pair},
        range=bounds and (min(bounds), max(bounds)),
        ground=ground,
        channel=channel,
        project=project,
        strict=strict,
    ),
    st.sampled_from(["resize", "crop", "tile"]),
    st.none() | PAIR,
    st.none() | st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=2, unique=True).map(tuple),
    st.sampled_from([None, "dark", "light"]),
    st.none() | st.integers(0, 9) | st.text(min_size=1),
    st.sampled_from(["max", "mean", "none"]),
    st.booleans(),
)


@given(rules=RULES, skipped=st.lists(st.text()).map(tuple))
def test_a_reading_survives_json(rules, skipped):
    reading = Reading(rules, skipped)
    again = Reading.from_dict(json.loads(json.dumps(reading.to_dict())))
    assert again == reading
    assert again.skipped == skipped
    assert again.rules.strict == rules.strict


def test_a_reading_of_before_the_axes_of_microscopes_loads():
    before = {"resize": None, "crop": [4, 5], "tile": None, "range": None, "ground": "light", "strict": False}
    assert Reading.from_dict(before | {"skipped": ["a"]}) == Reading(Rules(crop=(4, 5), ground="light"), ("a",))


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values.pop("range"),
        lambda values: values.update(more=1),
        lambda values: values.update(resize=[1]),
        lambda values: values.update(resize=[0, 1]),
        lambda values: values.update(crop="ab"),
        lambda values: values.update(ground="green"),
        lambda values: values.update(project="median"),
        lambda values: values.update(channel=""),
    ],
)
def test_a_damaged_reading_is_refused(change):
    values = Reading(Rules()).to_dict()
    change(values)
    with pytest.raises(AttendError):
        Reading.from_dict(values)


@pytest.mark.parametrize(
    ("rules", "line"),
    [
        ({"resize": (4, 4), "tile": (4, 4)}, "tile: is given beside resize; give one of resize, crop, tile"),
        ({"crop": (0, 4)}, "crop: is 0 4; height and width must be 1 or more"),
        ({"range": (4.0, 4.0)}, "range: is 4 4; it must be finite, the lower value first"),
        ({"range": (0.0, float("inf"))}, "range: is 0 inf"),
        ({"ground": "grey"}, "ground: is 'grey'; it must be dark or light"),
        ({"channel": ""}, "channel: is empty; it must be a number from 0 on, or a name"),
        ({"project": "sum"}, "project: is 'sum'; it must be one of max, mean, none"),
    ],
)
def test_rules_out_of_range_are_refused(rules, line):
    with pytest.raises(AttendError, match=line):
        Rules(**rules)


@given(rules=RULES, size=PAIR)
def test_another_rule_for_the_size_takes_the_place_of_the_first(rules, size):
    changed = rules.changed(crop=size)
    assert (changed.crop, changed.resize, changed.tile) == (size, None, None)
    assert (changed.range, changed.ground) == (rules.range, rules.ground)
    assert rules.changed() == rules


PICTURE = arrays.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 3])))


@given(picture=PICTURE, size=st.tuples(st.integers(1, 12), st.integers(1, 12)))
def test_parts_are_where_they_say(picture, size):
    height, width = picture.shape[:2]
    for rule in ("crop", "tile"):
        if size[0] > height or size[1] > width:
            with pytest.raises(AttendError, match=f"smaller than --{rule}"):
                list(parts(picture, Rules(**{rule: size})))
            continue
        found = list(parts(picture, Rules(**{rule: size})))
        covered = np.zeros((height, width), int)
        for pixels, (x, y, wide, high) in found:
            assert (high, wide) == size
            assert np.array_equal(pixels, picture[y : y + high, x : x + wide])
            covered[y : y + high, x : x + wide] += 1
        assert covered.max() == 1
        if rule == "tile":
            assert len(found) == (height // size[0]) * (width // size[1])
        else:
            (_, (x, y, wide, high)) = found[0]
            assert abs((width - wide - x) - x) <= 1
            assert abs((height - high - y) - y) <= 1
    (whole,) = parts(picture, Rules())
    assert np.array_equal(whole.pixels, picture)


@given(picture=PICTURE, size=st.tuples(st.integers(1, 12), st.integers(1, 12)))
def test_resampling_keeps_the_size_the_range_and_what_is_flat(picture, size):
    (part,) = parts(picture, Rules(resize=size))
    assert part.pixels.shape == (*size, picture.shape[2])
    assert part.pixels.dtype == picture.dtype
    assert part.view == (0, 0, picture.shape[1], picture.shape[0])
    assert picture.min() <= part.pixels.min()
    assert part.pixels.max() <= picture.max()
    (same,) = parts(picture, Rules(resize=picture.shape[:2]))
    assert np.array_equal(same.pixels, picture)


def test_resampling_averages_when_shrinking():
    board = np.indices((64, 64)).sum(axis=0).astype(np.uint16)[..., None] % 2 * 60_000
    (part,) = parts(board, Rules(resize=(8, 8)))
    assert abs(part.pixels.astype(float) - 30_000).max() < 1_000


DEEP = arrays.arrays(np.uint16, st.tuples(st.integers(1, 30), st.integers(1, 30)))


@given(images=st.lists(DEEP, min_size=1, max_size=4))
def test_the_range_is_that_of_all_pixels_and_scaling_keeps_their_order(images):
    low, high = robust_range(images)
    pixels = np.concatenate([image.ravel() for image in images])
    if np.percentile(pixels, 0.1) < np.percentile(pixels, 99.9):
        assert (low, high) == tuple(np.percentile(pixels, [0.1, 99.9]))
    assert pixels.min() <= low <= high <= pixels.max()
    scaled = to_bytes(pixels, (low, high))
    assert (np.diff(scaled[np.argsort(pixels)].astype(int)) >= 0).all()
    if low < high:
        assert set(scaled[pixels <= low]) <= {0}
        assert set(scaled[pixels >= high]) == {255}


def test_a_few_hot_pixels_do_not_darken_the_rest():
    image = np.random.default_rng(0).integers(1_000, 2_000, (100, 100)).astype(np.float32)
    image[0, :5] = 1e6
    low, high = robust_range([image])
    assert 1_000 <= low < 1_010
    assert 1_990 < high < 2_000


def test_the_range_of_many_pixels_is_that_of_a_fair_sample(monkeypatch):
    monkeypatch.setattr("attend.data.ranges.SAMPLED", 2_000)
    image = np.tile(np.linspace(0, 1, 100, dtype=np.float32), (100, 1))  # a column is one value, so a stride would lie
    low, high = robust_range([image])
    assert low < 0.02
    assert high > 0.98
    assert robust_range([image]) == (low, high)
