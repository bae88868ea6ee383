"""Read back by pycocotools, COCO's own reader."""

import contextlib
import dataclasses
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as rle
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from attend.exports import Results, write_coco, write_proposals
from attend.exports.rle import segmentation


def by_coco(path):
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


@pytest.mark.parametrize("write", [write_coco, write_proposals])
def test_every_object_up_to_the_count_is_an_annotation(make, tmp_path, write):
    results = make(names=tuple(f"{i}.png" for i in range(8)))
    write(results, tmp_path / "found.json")
    coco = by_coco(tmp_path / "found.json")
    assert [coco.imgs[row + 1]["file_name"] for row in range(8)] == list(results.scenes.names)
    assert coco.cats == {1: {"id": 1, "name": "object"}}
    for row, count in enumerate(results.scenes.counts):
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=[row + 1]))
        boxes = np.array([annotation["bbox"] for annotation in annotations]).reshape(-1, 4)
        np.testing.assert_allclose(boxes, results.scenes.boxes[row, :count], atol=2e-3)


def test_detections_score_perfectly_against_themselves_as_proposals(make, tmp_path):
    results = make(40)
    write_coco(results, tmp_path / "found.json")
    write_proposals(results, tmp_path / "proposed.json")
    truth, found = by_coco(tmp_path / "proposed.json"), by_coco(tmp_path / "found.json")
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(truth, truth.loadRes(list(found.anns.values())), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert evaluation.stats[0] == 1  # AP over IoU 0.50:0.95


def test_detections_have_scores_and_counts(make, tmp_path):
    results = make()
    write_coco(dataclasses.replace(results, skipped=3), tmp_path / "found.json")
    coco = json.loads((tmp_path / "found.json").read_text())
    assert [image["count"] for image in coco["images"]] == results.scenes.counts.tolist()
    np.testing.assert_allclose([i["count_probs"] for i in coco["images"]], results.scenes.count_probs, atol=1e-6)
    present = np.arange(3) < results.scenes.counts[:, None]
    np.testing.assert_allclose([a["score"] for a in coco["annotations"]], results.scenes.presence[present], atol=1e-6)
    assert coco["info"]["files_skipped"] == 3


def test_boxes_are_in_pixels_of_the_file(viewed, tmp_path):
    write_coco(viewed, tmp_path / "found.json")
    coco = by_coco(tmp_path / "found.json")
    assert {(image["width"], image["height"]) for image in coco.imgs.values()} == {(60, 40)}
    boxes = np.array([annotation["bbox"] for annotation in coco.anns.values()])
    present = np.arange(3) < viewed.scenes.counts[:, None]
    expected = viewed.scenes.boxes[present] * [46 / 30, 34 / 20, 46 / 30, 34 / 20] + [7, 3, 0, 0]
    np.testing.assert_allclose(boxes, expected, atol=1e-4)


def test_proposals_end_at_the_border_and_have_what_tools_for_annotation_need(make, tmp_path):
    scenes = make(4).scenes
    boxes = np.zeros_like(scenes.boxes)
    boxes[:] = [[-4, -4, 10, 10], [25, 15, 10, 10], [40, 0, 5, 5]]  # over one corner, over another, outside
    results = Results(dataclasses.replace(scenes, boxes=boxes))
    write_proposals(results, tmp_path / "proposed.json")
    coco = by_coco(tmp_path / "proposed.json")
    found = [annotation["bbox"] for annotation in coco.loadAnns(coco.getAnnIds(imgIds=[4]))]
    assert found == [[0, 0, 6, 6], [25, 15, 5, 5]]
    for annotation in coco.anns.values():
        assert "score" not in annotation
        assert annotation["segmentation"] == []
        assert annotation["iscrowd"] == 0
        assert 0 < annotation["attributes"]["presence"] <= 1
        assert annotation["area"] == annotation["bbox"][2] * annotation["bbox"][3]


def test_segmentations_are_the_masks(viewed, tmp_path):
    write_coco(viewed, tmp_path / "found.json")
    coco = by_coco(tmp_path / "found.json")
    for row in range(8):
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=[row + 1]))
        for found, annotation in zip(viewed.objects(row), annotations, strict=True):
            (x, y), mask = viewed.mask(found)
            whole = np.zeros((40, 60), np.uint8)
            whole[y : y + mask.shape[0], x : x + mask.shape[1]] = mask
            assert np.array_equal(coco.annToMask(annotation), whole)
            assert annotation["area"] == whole.sum() > 0


@given(
    arrays(bool, st.tuples(st.integers(0, 6), st.integers(0, 6)), elements=st.booleans()),
    st.integers(0, 3),
    st.integers(0, 300),
)
def test_run_lengths_are_those_of_cocos_own_writer(mask, x, y):
    size = (y + mask.shape[0], x + mask.shape[1] + 1)
    whole = np.zeros(size, np.uint8, order="F")
    whole[y : y + mask.shape[0], x : x + mask.shape[1]] = mask
    if whole.size:
        assert segmentation(mask, (x, y), size)["counts"] == rle.encode(whole)["counts"].decode()


def test_without_masks_there_is_no_segmentation(make, tmp_path):
    write_coco(make(masks=False), tmp_path / "found.json")
    for annotation in json.loads((tmp_path / "found.json").read_text())["annotations"]:
        assert "segmentation" not in annotation
        assert annotation["area"] == pytest.approx(annotation["bbox"][2] * annotation["bbox"][3], abs=1e-4)


def test_to_coco_is_short_for_it(make, tmp_path):
    results = make()
    write_coco(results, tmp_path / "a.json")
    results.scenes.to_coco(tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
