"""Finding: what kind of images they are is told from them, and what is found is what was drawn."""

import dataclasses
import functools

import numpy as np
import pytest
from discs import discs
from skimage import data as pictures

import attend
from attend.dreams import AREA, Arrangement, compose, draw_shapes, targets
from attend.errors import AttendError
from attend.field import Instances, Said, universal
from attend.finding import (
    Finder,
    Kind,
    Natural,
    bank,
    find_in,
    foregrounds,
    hypotheses,
    learn,
    make_finder,
    natural,
    view,
)
from attend.finding.bank import Scene
from attend.finding.busiest import Activity
from attend.finding.calibration import Calibration, calibrated
from attend.finding.foreground import possible
from attend.finding.objects import objects_in, tiles
from attend.finding.pixels import alike, refined
from attend.finding.prior import fitted
from attend.finding.steady import steadiness
from attend.finding.suited import suited

pytestmark = pytest.mark.usefixtures("few_dreams")


@pytest.mark.parametrize(("ground", "light", "name"), [(0.2, 0.7, "bright"), (0.8, 0.3, "dark")])
@pytest.mark.parametrize("diameter", [10, 30])
def test_polarity_and_size_are_told_from_the_image(ground, light, name, diameter):
    rng = np.random.default_rng(0)
    side = 12 * diameter
    image, _ = discs(rng, side=side, diameter=diameter, n=20, ground=ground, light=light)
    best = hypotheses(universal(), [image / np.float32(255)])[0]
    assert best.kind.foreground == name
    assert best.diameter == pytest.approx(diameter, rel=0.15)
    assert best.kind.diameter == pytest.approx(diameter, rel=0.25)
    assert best.sure > 0.5


def test_colour_is_told_from_the_image():
    """Green discs before a red background of the same luminance."""
    rng = np.random.default_rng(1)
    grey, _ = discs(rng, ground=0.0, light=1.0, noise=0.0)
    share = grey / 255
    image = share * np.array([0.1, 0.5, 0.3]) + (1 - share) * np.array([0.9, 0.1, 0.3])
    image = (image + 0.01 * rng.normal(size=image.shape)).clip(0, 1).astype(np.float32)
    best = hypotheses(universal(), [image])[0]
    assert best.kind.foreground in ("not red", "dark", "bright", "stain")
    assert best.objects == pytest.approx(25, abs=3)


def test_grey_images_have_two_polarities_and_no_colours():
    assert possible(np.zeros((4, 4, 1))) == ["bright", "dark"]
    assert set(possible(np.random.default_rng(0).random((4, 4, 3)))) == set(foregrounds)
    one = np.zeros((4, 4, 3))
    one[0, 0, 2] = 1
    assert possible(one) == ["bright", "dark"]
    np.testing.assert_array_equal(view(one, Kind("bright", 4.0)).told, one[..., 2:])


def test_natural_units_undo_brightness_and_size():
    rng = np.random.default_rng(2)
    image, _ = discs(rng, diameter=28, side=300, n=15)
    view = natural(image / np.float32(255), Kind("bright", 28.0))
    assert view.contrast.shape == (150, 150)
    np.testing.assert_allclose(view.step, 2)
    assert np.quantile(view.contrast, 0.98) == pytest.approx(1, abs=0.25)
    assert abs(np.median(view.contrast)) < 0.05


def test_grain_beside_what_is_looked_at_hides_nothing_of_it():
    """A plate with faint discs, on a table whose grain varies more than the discs stand out."""
    rng = np.random.default_rng(8)
    image, places = discs(rng, side=300, n=40, ground=0.4, light=0.46, noise=0.005)
    table = (0.3 + 0.05 * rng.normal(size=(300, 200, 1))).clip(0, 1)
    both = np.concatenate([image / np.float32(255), table.astype(np.float32)], axis=1)
    seen = view(both, Kind("bright", 14.0))
    assert seen.uneven is not None
    found = objects_in(universal(), seen)[0]
    left = found.middles[:, 1] * seen.step[1] < 300
    assert left.sum() == pytest.approx(len(places), abs=4)
    assert (~left).sum() <= 2


def test_an_image_with_larger_objects_than_others_is_seen_at_their_size():
    """But one with objects of the usual size, and one with none, as it is."""
    kind, rng = Kind("bright", 16.0), np.random.default_rng(5)
    usual, larger = (discs(rng, diameter=d, side=12 * d, n=15)[0] / np.float32(255) for d in (16, 32))
    blank = np.full((100, 120, 1), 0.2, np.float32)
    for image in (usual, blank):
        assert suited(universal(), image, kind)[0].shape == natural(image, kind).contrast.shape
    assert max(natural(larger, kind).step) < 1.2
    assert suited(universal(), larger, kind)[0].step == pytest.approx(32 / 14, rel=0.2)


@pytest.mark.parametrize("diameter", [10.0, 14.0, 30.0])
def test_a_part_of_an_image_is_the_same_as_in_the_whole_of_it(diameter, monkeypatch):
    """Background, spread and contrast are those of the image, wherever it is cut."""
    rng = np.random.default_rng(6)
    image, _ = discs(rng, side=330, n=40)
    kind = Kind("bright", diameter)
    seen = view(image, kind)
    whole = seen.whole.contrast
    part = slice(40, 100), slice(16, whole.shape[1])
    np.testing.assert_allclose(seen.part(part).contrast, whole[part], atol=2e-4)
    np.testing.assert_allclose(seen.part(part).step, seen.step)
    np.testing.assert_allclose(natural(image / np.float32(255), kind).contrast, whole, atol=1e-5)
    monkeypatch.setattr("attend.finding.views.STRIP", 64)
    np.testing.assert_allclose(natural(image, kind).contrast, whole, atol=1e-4)
    monkeypatch.setattr("attend.finding.views.MEASURED", 100)
    np.testing.assert_allclose(natural(image, kind).contrast, whole, atol=0.1)


def test_a_large_image_is_looked_at_in_tiles_that_show_no_seam(monkeypatch):
    """Every object is found once, with the numbers and the mask that it has in one look at the whole."""
    image, places = discs(np.random.default_rng(7), side=500, diameter=14, n=150)
    seen = view(image, Kind("bright", 14.0))
    whole, labels = objects_in(universal(), seen)
    monkeypatch.setattr("attend.finding.objects.TILE", 400)
    cut = tiles(seen.shape)
    assert len(cut) == 9
    owned = np.zeros(seen.shape, int)
    for tile in cut:
        owned[tile.own] += 1
    assert (owned == 1).all()
    parts, same = objects_in(universal(), seen)
    assert len(parts.scores) == len(whole.scores) == pytest.approx(len(places), abs=5)
    one, other = (np.lexsort(objects.middles.T) for objects in (whole, parts))
    np.testing.assert_array_equal(whole.middles[one], parts.middles[other])
    far = (whole.middles[one] < 460).all(axis=1)  # from where q sees what is mirrored beyond the border
    for name, a, b in zip(whole._fields, whole, parts, strict=True):
        np.testing.assert_allclose(a[one][far], b[other][far], atol=1e-3 if name in ("boxes", "masks") else 1e-4)
    assert ((labels > 0) != (same > 0))[:450, :450].mean() < 1e-5
    assert same.max() == len(parts.scores)


def test_of_an_image_in_colour_of_which_one_channel_holds_something_all_channels_are_kept(finder):
    grey, places = discs(np.random.default_rng(4))
    image = np.zeros((*grey.shape[:2], 3), np.uint8)
    image[..., 2:] = grey
    scene = dataclasses.replace(finder, channels=3).infer(image)
    assert scene.counts[0] == len(places)
    assert scene.patches.shape[-1] == scene.reconstructions.shape[-1] == 3
    assert scene.patches[..., :2].max() == 0 < scene.patches[..., 2].max()


def test_painting_by_strips_shows_no_seam(finder, monkeypatch):
    image, _ = discs(np.random.default_rng(4))
    whole = finder.infer(image).reconstructions
    monkeypatch.setattr("attend.finding.scene.STRIP", 33)
    np.testing.assert_allclose(finder.infer(image).reconstructions, whole, atol=1e-5)
    assert np.abs(whole[0] - image / 255).mean() < 0.05


def test_the_busiest_part_of_an_image_holds_what_is_in_it(monkeypatch):
    image = np.zeros((100, 300, 1), np.uint8)
    image[50:60, 200:210] = 200
    assert Activity(image).busiest(300) is image
    for side in (4096, 100):
        monkeypatch.setattr("attend.finding.busiest.SIDE", side)
        part = Activity(image).busiest(60)
        assert part.shape == (60, 60, 1)
        assert (part == 200).sum() == 100


@pytest.fixture(scope="module")
def finder(few_dreams):
    image, _ = discs(np.random.default_rng(3))
    return make_finder([image], rounds=0).finder


def test_each_disc_is_found_with_its_box_and_mask(finder):
    image, places = discs(np.random.default_rng(4))
    scene = finder.infer(image, "one")
    assert scene.counts[0] == len(places)
    boxes = scene.boxes[0, : len(places)]
    middles = boxes[:, :2] + boxes[:, 2:] / 2
    nearest = np.hypot(*(middles[:, None] - places - 0.5).transpose(2, 0, 1)).min(axis=0)
    assert nearest.max() < 1.5
    np.testing.assert_allclose(boxes[:, 2:], 16, atol=3)
    labels = scene.labels(0)
    areas = np.bincount(labels.ravel())[1:]
    np.testing.assert_allclose(areas, np.pi * 8**2, rtol=0.2)
    low, high = scene.count_interval()[0]
    assert low <= len(places) <= high
    assert scene.names == ("one",)
    x, y = (scene.where[0, : len(places), 1:].T + 1) / 2 * 200
    np.testing.assert_allclose(np.stack([x, y], 1), middles, atol=2)
    assert (scene.where_sd[0, : len(places)] > 0).all()


def test_a_finder_comes_back_from_its_file(finder, tmp_path):
    finder.save(tmp_path / "finder.npz")
    again = Finder.load(tmp_path / "finder.npz")
    assert again.fingerprint() == finder.fingerprint()
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(AttendError, match=r"other.npz: is no finder"):
        Finder.load(tmp_path / "other.npz")


@pytest.mark.parametrize("kind", ["blank", "noise", "gradient"])
def test_nothing_is_found_where_there_is_nothing(kind):
    rng = np.random.default_rng(5)
    image = {
        "blank": np.full((150, 150, 1), 90),
        "noise": rng.normal(128, 30, (150, 150, 1)),
        "gradient": np.linspace(0, 255, 150)[:, None, None] + np.zeros((150, 150, 1)),
    }[kind]
    pixels = np.round(image.clip(0, 255)).astype(np.uint8)
    learned = make_finder([pixels])
    assert learned.finder.infer(pixels).counts[0] <= 2


def test_a_texture_is_not_taken_for_objects():
    grass = pictures.grass()[:256, :256, None]
    learned = make_finder([grass], rounds=0)
    assert learned.evidence[0].share < 0.25
    assert learned.finder.empty
    assert learned.finder.infer(grass).counts[0] == 0


def test_the_coins_of_a_photograph_are_found():
    coins = pictures.coins()[..., None]
    learned = make_finder([coins], rounds=0)
    assert learned.evidence[0].share > 0.5
    assert learned.finder.infer(coins).counts[0] == 24


def test_nuclei_are_found_beside_tissue_that_is_more_of_the_image_and_none_in_a_photograph():
    best, *others = hypotheses(universal(), [pictures.immunohistochemistry() / np.float32(255)])
    assert best.kind.foreground == "stain"
    assert best.credible
    assert best.objects > 100
    assert max(one.gain for one in others) > best.gain
    assert not hypotheses(universal(), [pictures.camera()[..., None] / np.float32(255)])[0].credible


def test_cut_outs_and_backgrounds_are_parts_of_the_images():
    rng = np.random.default_rng(6)
    images = [discs(rng)[0] / np.float32(255) for _ in range(2)]
    kind = Kind("bright", 16.0)
    found = [find_in(universal(), natural(image, kind)) for image in images]
    made = bank(found, rng)
    assert made is not None
    assert len(made.cutouts) >= 20
    np.testing.assert_allclose(made.cutouts.diameters, 14, rtol=0.2)
    np.testing.assert_allclose(made.cutouts.contrasts, 1, rtol=0.2)
    assert np.abs(made.backgrounds).max() < 0.4  # no object is left in them
    assert np.concatenate(made.densities).mean() == pytest.approx(25 * AREA / 175**2, rel=0.2)
    image, truth = made.dream(rng)
    assert image.shape == (96, 96, 2)
    assert truth.heat.max() <= 1


def test_what_is_far_dimmer_than_all_others_is_none_of_them():
    """Ten discs of about one contrast are kept, a stain of a fiftieth of it is not; among few all are kept."""
    rng = np.random.default_rng(8)
    labels = np.zeros((40, 120), np.int32)
    contrast = np.zeros((40, 120), np.float32)
    for k in range(11):
        labels[10:20, 10 * k : 10 * k + 8] = k + 1
        contrast[10:20, 10 * k : 10 * k + 8] = 0.02 if k == 4 else np.exp(0.3 * rng.normal())
    found = Instances(np.zeros((11, 2)), np.full(11, 0.9), labels, np.full(11, 80.0), contrast)
    image = Natural(contrast, 0.01, (40.0, 120.0))
    kept = alike(found, image)
    assert len(kept.areas) == len(kept.boxes()) == kept.labels.max() == 10
    assert (kept.labels[contrast == np.float32(0.02)] == 0).all()
    few = found._replace(scores=np.where(np.arange(11) < 7, 0.9, 0.1))
    assert alike(few, image) is few


def test_crowds_hide_more_objects_than_what_keeps_a_distance(monkeypatch):
    """Where discs keep a distance, as many are told as are found; where they lie anyhow, there are more than that."""
    monkeypatch.setattr("attend.finding.prior.DREAMS", 200)
    rng, find = np.random.default_rng(9), functools.partial(find_in, universal())
    kind = Kind("bright", 16.0)
    made = bank([find(natural(discs(rng)[0] / np.float32(255), kind)) for _ in range(2)], rng)
    assert made is not None
    told = {}
    for apart, density in ((0.0, 30.0), (1.0, 18.0)):
        crowd = dataclasses.replace(made, densities=[np.array([density])] * 2, apart=apart, touching=0.0)
        found = [find(crowd.scene(rng).image) for _ in range(40)]
        each = [len(one.objects.areas) * AREA / one.image.contrast.size for one in found]
        told[apart] = fitted(dataclasses.replace(crowd, densities=[np.array([np.mean(each)])] * 2), found, find, 0)
    kept, free = told[1.0], told[0.0]
    assert kept.probabilities[kept.priors[0] >= 0.75].sum() > 0.9
    assert np.exp(kept.priors[2] @ kept.probabilities) < 1.03
    assert np.exp(free.priors[2] @ free.probabilities) > 1.08
    assert kept.free < 0.1 < 0.9 < free.free


def test_objects_are_steadier_than_texture():
    """Discs are found again at other sizes; of what seem to be objects among blades of grass, many are not."""
    rng = np.random.default_rng(10)
    images = [discs(rng)[0] / np.float32(255) for _ in range(2)]
    grass = pictures.grass()[:256, :256, None] / np.float32(255)
    objects = steadiness(universal(), images, Kind("bright", 16.0))
    texture = steadiness(universal(), [grass], Kind("dark", 10.0))
    assert objects.share > 0.97
    assert texture.share + 2 * texture.error < 0.9


def test_too_few_objects_make_no_bank():
    blank = natural(np.full((100, 100, 1), 0.3, np.float32), Kind("bright", 14.0))
    assert bank([find_in(universal(), blank)], np.random.default_rng(0)) is None


def test_scores_are_calibrated_on_dreams():
    """Of objects with a presence of about p a share of about p is there."""
    rng = np.random.default_rng(7)
    shapes = draw_shapes(rng, 10)
    arrangement = Arrangement(density=12.0, touching=0.5)

    def dream():
        drawn = compose(rng, shapes, arrangement, np.zeros((96, 96)))
        noisy = (drawn.image + 0.1 * rng.normal(size=(96, 96))).astype(np.float32)
        return Scene(Natural(noisy, 0.1, (96.0, 96.0)), targets(drawn), drawn.middles)

    found = calibrated(universal(), [dream() for _ in range(40)], 1, 0.0)
    assert found.slope > 0
    assert found.presence(np.array([0.9]))[0] > 0.8 > found.presence(np.array([0.1]))[0]


def test_counts_are_as_uncertain_as_presences_and_scatter_say():
    calibration = Calibration(missed=0.0, scatter=0.0)
    probs = calibration.count_probs(np.full(100, 0.5), float(AREA))
    counts = np.arange(len(probs))
    assert probs.sum() == pytest.approx(1, abs=1e-5)
    assert probs @ counts == pytest.approx(50, abs=0.05)
    assert np.sqrt(probs @ (counts - 50) ** 2) == pytest.approx(5, abs=0.1)
    wide = dataclasses.replace(calibration, scatter=0.2).count_probs(np.full(100, 0.5), float(AREA))
    assert np.sqrt(wide @ (np.arange(len(wide)) - 50) ** 2) == pytest.approx(np.hypot(5, 10), rel=0.03)
    often = dataclasses.replace(calibration, missed=0.5).count_probs(np.full(100, 0.5), float(AREA))
    assert np.sqrt(often @ (np.arange(len(often)) - 50) ** 2) == pytest.approx(np.sqrt(25 + 25), rel=0.03)
    assert calibration.count_probs(np.zeros(0), float(AREA)) == pytest.approx([1.0, 0.0])


def test_a_crowded_image_has_more_objects_than_are_found():
    """Of 100 objects on ten times `AREA` a tenth as many hide behind others as of 100 on one."""
    calibration = Calibration(missed=0.0, scatter=0.0, hidden=0.002)
    for area, expected in ((float(AREA), 120), (10.0 * AREA, 102)):
        probs = calibration.count_probs(np.ones(100), area)
        assert probs @ np.arange(len(probs)) == pytest.approx(expected, abs=0.1)


def test_a_count_of_few_objects_of_which_none_is_certain_is_not_zero():
    assert Calibration(scatter=1.0).count_probs(np.full(3, 0.9), float(AREA)).argmax() > 1


def test_an_outline_lies_half_way_between_an_object_and_what_is_around_it():
    """q gives two pixels too many on the left and two too few on the right; p sees where the step is."""
    contrast = np.zeros((40, 40), np.float32)
    contrast[10:30, 12:28] = 1.0
    inside = np.full((40, 40), 0.01, np.float32)
    inside[10:30, 10:26] = 0.9
    inside[10:30, 26:28] = 0.3
    labels = (inside > 0.5).astype(np.int32)
    found = Instances(np.array([[19.5, 17.5]]), np.array([0.9]), labels, np.array([320.0]), inside)
    said = Said(np.zeros((20, 20), np.float32), inside, np.zeros((40, 40, 2), np.float32))
    new = refined(found, said, Natural(contrast, 0.05, (40.0, 40.0)))
    wrong = (new.labels > 0) != (contrast > 0.5)
    assert wrong.sum() <= 4  # corners, which are smoothed
    np.testing.assert_allclose(new.boxes(), [[12, 10, 16, 20]], atol=0.4)  # q has its say as well
    assert new.areas[0] == new.labels.sum()


def test_find_takes_images_of_several_sizes():
    rng = np.random.default_rng(8)
    images = [discs(rng, side=side, n=n)[0][..., 0] for side, n in ((150, 12), (200, 25))]
    scenes = attend.find(images, rounds=0)
    assert [len(scene) for scene in scenes] == [1, 1]
    assert [int(scene.counts[0]) for scene in scenes] == [12, 25]
    assert [scene.images.shape[1:3] for scene in scenes] == [(150, 150), (200, 200)]


@pytest.mark.slow
def test_a_round_of_learning_keeps_what_was_right_and_follows_from_the_seed(monkeypatch):
    monkeypatch.setattr("attend.finding.rounds.STEPS", 20)
    rng = np.random.default_rng(9)
    image, places = discs(rng)
    view = natural(image / np.float32(255), Kind("bright", 16.0))
    one, other = (learn(universal(), [view], rounds=1, seed=0) for _ in range(2))
    assert [r.loss for r in one[1]] == [r.loss for r in other[1]]
    assert one[1][0].objects == len(places)
    assert len(find_in(one[0], view).objects.scores) == len(places)
    made = bank([find_in(universal(), view)], rng)
    assert made is not None
    assert not made.dream(rng)[1].weight.any()  # where outlines run is not learned from what was only guessed
