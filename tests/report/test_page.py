"""The page needs nothing but itself, says what it was given, and takes no text for HTML."""

import base64
import io
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from attend.errors import AttendError
from attend.evaluation import count_confusion
from attend.exports import Results
from attend.report import Findings, write_report
from attend.scenes import Scenes

HOSTILE = "<script>alert(1)</script><img src='http://x.example/a.png'>\"'&\udcff"
LINKS = ("src", "href", "srcset", "data", "action", "poster", "background")


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, path):
        super().__init__()
        self.elements, self.text = [], []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag, class_=None):
        return [a for t, a in self.elements if t == tag and class_ in (None, a.get("class"))]

    def pictures(self):
        for link in [a["src"] for a in self.all("img")] + [a["href"] for a in self.all("image")]:
            yield Image.open(io.BytesIO(base64.b64decode(link.partition("base64,")[2])))


def make_scenes(counts, size=(10, 14, 1), names=None):
    rng = np.random.default_rng(0)
    batch, objects = len(counts), 3
    boxes = np.tile(np.float32([1, 2, 5, 4]), (batch, objects, 1))
    codes = rng.random((batch, objects, 3), np.float32)
    images = rng.random((batch, *size), np.float32)
    probs = 0.1 + np.eye(objects + 1, dtype=np.float32)[counts]
    return Scenes(
        images, images, codes, codes, codes, codes, probs / 1.4, boxes, np.zeros((batch, objects, 4, 4, 1)), names
    )


@pytest.fixture
def page(tmp_path):
    """Write a page of some findings, and read it back."""

    def write(*findings, **arguments):
        given = {
            "title": "a title",
            "summary": "a summary",
            "settings": {"model": {"what": 50}},
            "metrics": [],
            "samples": (np.zeros((4, 10, 14, 1), np.float32), np.arange(4)),
            "count_prior": np.full(4, 0.25),
        }
        write_report(tmp_path / "page.html", findings=findings, **(given | arguments))
        return Page(tmp_path / "page.html")

    return write


def labelled(source="some images", names=None):
    found, true = np.array([0, 1, 2, 3, 1, 1]), np.array([0, 1, 2, 4, 2, 1])
    boxes = np.zeros((6, 4, 4), np.float32)
    for row, count in enumerate(true):
        boxes[row, :count] = 1, 1, 3, 3
    return Findings(source, Results(make_scenes(found, names=names)), {"count accuracy": "50%"}, true, boxes)


def test_it_loads_nothing_from_elsewhere_and_runs_no_script(page):
    metrics = [{"step": 1, "elbo": 1.0, "count_accuracy": 0.5}, {"step": 2, "elbo": 2.0}]
    found = page(labelled(), metrics=metrics)
    links = [value for _, attributes in found.elements for name, value in attributes.items() if name in LINKS]
    assert len(links) > 20
    assert all(link.startswith("data:image/") for link in links)
    assert {tag for tag, _ in found.elements}.isdisjoint({"script", "link", "iframe", "object", "embed", "base"})
    assert not [name for _, attributes in found.elements for name in attributes if name.startswith("on")]
    assert "url(" not in "".join(found.text)
    assert sum(1 for picture in found.pictures() if picture.load()) == len(links)
    assert len(found.all("img")) == 4  # two curves, the counts, their calibration


def test_text_is_never_taken_for_html(page):
    names = tuple(f"{HOSTILE}{row}" for row in range(6))
    settings = {HOSTILE: {HOSTILE: (HOSTILE, 1)}}
    plain = page(labelled(), settings={"s": {"a": 1}})
    found = page(labelled(HOSTILE, names), title=HOSTILE, summary=HOSTILE, settings=settings)
    assert [tag for tag, _ in found.elements] == [tag for tag, _ in plain.elements]
    text, shown = "".join(found.text), HOSTILE.replace("\udcff", "?")
    assert f"What it finds in {shown}" in text
    assert f"{shown}3: found 3" in text
    assert any(attributes.get("aria-label", "").startswith(shown) for attributes in found.all("svg"))
    assert text.count(shown) >= 6


def test_what_is_wrong_is_counted_and_drawn_with_the_truth(page):
    each = labelled()
    found = page(each)
    cells = [int(text) for text in found.text if text.isdigit()]
    confusion = np.ravel(count_confusion(each.results.scenes.counts, each.counts)).tolist()
    table = [0, 1, 2, 3, 4]  # the heads of its columns, then each row after its own
    for row in range(5):
        table += [row, *confusion[5 * row : 5 * row + 5]]
    assert any(cells[at : at + len(table)] == table for at in range(len(cells)))
    assert "Wrong counts, the surest first: 2 of 2" in found.text
    assert len(found.all("rect", "box true")) == 4 + 2
    assert len(found.all("rect", "box")) == (0 + 1 + 2 + 3 + 1 + 1) + (3 + 1)


@pytest.mark.parametrize("counts", [[0, 0], [1, 3, 2]])
def test_what_is_not_known_is_left_out(page, counts):
    found = page(Findings("bare", Results(make_scenes(np.array(counts))), {}))
    assert not found.all("table")
    assert "The images it is least sure of" in found.text
    assert len(found.all("img")) == 1
    assert not page().all("img")


def test_images_are_shown_as_the_user_knows_them(page):
    scenes = make_scenes(np.array([0]))
    found = page(Findings("light", Results(scenes, inverted=True), {}))
    expected = 255 - np.round(255 * scenes.images[0, ..., 0]).astype(np.uint8)
    shown = [np.asarray(picture) for picture in found.pictures()]
    assert sum(np.array_equal(expected, pixels) for pixels in shown) == 4  # beside samples, its pair, among the unsure


def test_large_images_make_no_large_page(page, tmp_path):
    scenes = make_scenes(np.full(30, 3), size=(300, 400, 3))
    page(Findings("large", Results(scenes), {}))
    assert (tmp_path / "page.html").stat().st_size < 1.5e6


def test_a_page_that_cannot_be_written_is_named(page, tmp_path):
    (tmp_path / "page.html").mkdir()
    with pytest.raises(AttendError, match=r"page\.html: cannot be written"):
        page()
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
