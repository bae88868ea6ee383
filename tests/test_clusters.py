import dataclasses

import numpy as np
import pytest
from scipy import ndimage
from sklearn.metrics import adjusted_rand_score, silhouette_score

from attend import clusters as module
from attend.clusters import cluster
from attend.errors import AttendError
from attend.scenes import Scenes


def make_scenes(kinds, batch=60, objects=3, spread=0.1, seed=0):
    """Scenes whose objects are of well separated kinds, the first the most common; and the kind of each."""
    rng = np.random.default_rng(seed)
    truth = np.minimum(rng.integers(kinds + 1, size=(batch, objects)), kinds - 1)[:, ::-1]
    truth = kinds - 1 - truth
    what = 5 * np.eye(kinds, 6, dtype=np.float32)[truth] + spread * rng.standard_normal((batch, objects, 6))
    counts = rng.integers(objects + 1, size=batch)

    def zeros(*shape):
        return np.zeros((batch, *shape), np.float32)

    scenes = Scenes(
        images=zeros(8, 8, 1),
        reconstructions=zeros(8, 8, 1),
        where=zeros(objects, 3),
        where_sd=zeros(objects, 3),
        what=what.astype(np.float32),
        what_sd=zeros(objects, 6),
        count_probs=np.eye(objects + 1, dtype=np.float32)[counts],
        boxes=zeros(objects, 4),
        patches=zeros(objects, 4, 4, 1),
    )
    return scenes, truth, np.arange(objects) < counts[:, None]


@pytest.mark.parametrize("kinds", [2, 3, 5])
@pytest.mark.parametrize("known", [True, False])
def test_kinds_that_differ_are_told_apart(kinds, known):
    scenes, truth, present = make_scenes(kinds)
    found = cluster(scenes, kinds if known else None)
    assert adjusted_rand_score(truth[present], found.labels[present]) == 1
    assert (found.labels[~present] == -1).all()
    assert np.isinf(found.distances[~present]).all()
    assert found.sizes == sorted(found.sizes, reverse=True)
    assert sum(found.sizes) == present.sum()
    if not known:
        assert max(found.silhouettes, key=found.silhouettes.get) == kinds
        expected = silhouette_score(scenes.what[present], found.labels[present])
        np.testing.assert_allclose(found.silhouettes[kinds], expected, rtol=1e-5)


def test_outlines_that_differ_by_a_turn_are_of_one_kind():
    scenes, truth, present = make_scenes(2)
    rng = np.random.default_rng(1)
    kinds = np.zeros((2, 24, 24, 1), np.float32)
    kinds[0, 10:14, 4:20], kinds[1, 8:16, 8:16] = 1.0, 1.0  # a bar, a square
    turns = rng.uniform(0, 360, truth.shape)
    patches = [
        [ndimage.rotate(kinds[kind], turn, order=1, reshape=False) for kind, turn in zip(*row, strict=True)]
        for row in zip(truth, turns, strict=True)
    ]
    scenes = dataclasses.replace(scenes, patches=np.clip(patches, 0, 1), what=np.zeros_like(scenes.what))
    found = cluster(scenes, 2, by="outline")
    assert adjusted_rand_score(truth[present], found.labels[present]) == 1


def test_the_nearest_come_first():
    scenes, _, _ = make_scenes(3)
    found = cluster(scenes, 3)
    for number, size in enumerate(found.sizes):
        members = found.nearest(number, 1000)
        assert len(members) == size
        assert {found.labels[at] for at in members} == {number}
        assert (np.diff([found.distances[at] for at in members]) >= 0).all()
        assert found.nearest(number, 2) == members[:2]


def test_groups_depend_on_the_seed_alone_and_not_on_what_is_beyond_the_count():
    scenes, _, present = make_scenes(3, spread=2)
    what = np.where(present[..., None], scenes.what, 99)
    for changed in (scenes, dataclasses.replace(scenes, what=what)):
        assert np.array_equal(cluster(changed, seed=1).labels, cluster(scenes, seed=1).labels)


def test_more_objects_than_the_sample_are_assigned_to_its_groups(monkeypatch):
    monkeypatch.setattr(module, "SAMPLED", 20)
    scenes, truth, present = make_scenes(3)
    found = cluster(scenes)
    assert adjusted_rand_score(truth[present], found.labels[present]) == 1


def test_one_group_is_everything():
    scenes, _, present = make_scenes(2)
    assert np.array_equal(cluster(scenes, 1).labels, np.where(present, 0, -1))


def test_too_few_objects_are_refused():
    scenes, _, _ = make_scenes(2, spread=0)
    with pytest.raises(AttendError, match="k: is auto, which takes 3 different objects; in 60 images there are 2"):
        cluster(scenes)
    with pytest.raises(AttendError, match="k: is 3, but in 60 images there are 2 different objects"):
        cluster(scenes, 3)
    with pytest.raises(AttendError, match="k: is 1, but in 0 images there are 0 different objects"):
        cluster(scenes[:0], 1)
    with pytest.raises(AttendError, match="k: is 0; it must be 1 or more"):
        cluster(scenes, 0)


def test_objects_are_grouped_by_the_part_that_is_asked_for():
    scenes, truth, present = make_scenes(3)
    names = ("shape_0", "shape_1", "shape_2", "colour_0", "colour_1", "colour_2")
    colours = np.random.default_rng(1).integers(3, size=truth.shape)
    scenes.what[..., 3:] += 50 * np.eye(3, dtype=np.float32)[colours]
    scenes = dataclasses.replace(scenes, what_names=names)
    for by, kinds in (("shape", truth), ("colour", colours)):
        assert adjusted_rand_score(kinds[present], cluster(scenes, 3, by=by).labels[present]) == 1
    with pytest.raises(AttendError, match="by: no number of what is called 'size'; they are called shape, colour"):
        cluster(scenes, 3, by="size")
