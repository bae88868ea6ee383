"""The code obeys the layers that docs/architecture.md states, and its sketches run."""

import ast
import re
from pathlib import Path

import pytest

from attend import config
from attend.data import datasets
from attend.exports import exports
from attend.objective import estimators
from attend.p import renderers
from attend.q import cells

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "attend"
PAGE = (ROOT / "docs" / "architecture.md").read_text()
ROOMS = sorted(p.stem for p in SOURCE.iterdir() if p.name[0] != "_" and (p.suffix == ".py" or p.is_dir()))
ANY = "every room"
LATE = {"figures", "exports"}
"""What `scenes` imports only inside its methods."""


def allowed() -> dict[str, set[str]]:
    """Room to the rooms it may import, from the page's table."""
    table = {}
    for line in PAGE.splitlines():
        if match := re.match(r"\| `(\w+)` \|.*\| (.*?) ?\|$", line):
            room, rooms = match.groups()
            table[room] = set(ROOMS) if rooms == ANY else set(re.findall(r"`(\w+)`", rooms))
    return table


ALLOWED = allowed()


def files_of(room: str) -> list[Path]:
    return [SOURCE / f"{room}.py"] if (SOURCE / f"{room}.py").exists() else sorted((SOURCE / room).rglob("*.py"))


def imports(path: Path) -> list[tuple[str, ...]]:
    """Every module of the package that a file imports, at any depth, as the parts of its name after `attend`.

    The last part may be a name in a module rather than a module. `import attend` gives no part at all.
    """
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        found += [tuple(name.split(".")[1:]) for name in names if name.split(".")[0] == "attend"]
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_the_page_allows(room):
    assert room in ALLOWED, f"docs/architecture.md has no row for {room}"
    for path in files_of(room):
        for name in imports(path):
            if name:
                assert name[0] in ALLOWED[room] | {room}, f"{path.relative_to(ROOT)} imports {name[0]}"
            else:
                assert room == "cli", f"{path.relative_to(ROOT)} imports the package's public face from below it"


def test_the_page_names_no_room_that_is_not_there():
    assert set(ALLOWED) == set(ROOMS)
    assert set().union(*ALLOWED.values()) <= set(ROOMS)


@pytest.mark.parametrize(
    ("room", "unknown"),
    [
        ("p", {"q", "objective", "model", "fit"}),
        ("q", {"objective", "model", "fit"}),
        ("objective", {"model", "fit", "training"}),
        ("training", {"p", "q", "objective", "model", "config"}),
        ("data", {"p", "q", "objective", "model", "config", "training"}),
        ("evaluation", {"model", "data", "training"}),
    ],
)
def test_the_page_keeps_the_promises_of_the_plan(room, unknown):
    assert not ALLOWED[room] & unknown


def test_nothing_but_the_command_line_imports_the_command_line():
    assert [room for room in ROOMS if "cli" in ALLOWED[room]] == ["cli"]


def test_rooms_do_not_import_each_other_in_a_circle():
    below = {room: rooms - {room} for room, rooms in ALLOWED.items()}
    below["scenes"] = below["scenes"] - LATE  # only inside methods, as the next test checks
    while below:
        free = {room for room, rooms in below.items() if not rooms & below.keys()}
        assert free, f"a circle among {sorted(below)}"
        below = {room: rooms for room, rooms in below.items() if room not in free}


def test_scenes_imports_figures_and_exports_only_when_it_plots_and_writes():
    tree = ast.parse((SOURCE / "scenes.py").read_text())
    modules = [node.module for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert modules
    assert not {f"attend.{room}" for room in LATE} & set(modules)


def test_the_documented_names_are_registered():
    assert {"digits", "mnist"} <= set(datasets)
    assert {"patch"} <= set(renderers)
    assert {"glance", "lstm", "lstm-difference"} <= set(cells)
    assert {"exact", "nvil", "iw"} <= set(estimators)
    assert {"coco", "proposals", "npz", "csv", "parquet", "yolo", "crops", "overlays"} <= set(exports)


@pytest.mark.parametrize("preset", config.PRESETS)
def test_presets_choose_registered_names(preset):
    settings = config.PRESETS[preset]
    assert settings.model.cell.name in cells
    assert settings.model.renderer.name in renderers
    assert settings.train.estimator.name in estimators


@pytest.mark.slow
def test_the_pages_sketches_run(monkeypatch):
    for registry in (datasets, renderers, cells, estimators):
        monkeypatch.setattr(registry, "_entries", dict(registry))
    for registry in (renderers, cells, estimators):
        monkeypatch.setattr(registry, "_settings", dict(registry._settings))
    sketches = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert len(sketches) == 5
    names = {"__name__": "sketch"}
    for sketch in sketches:
        exec(sketch, names)
    assert names["model"].config.renderer.sharpness == 2.0
    assert names["model"].config.cell.widths == (32,)
    assert names["model"].infer(names["train"].images).counts.shape == (64,)
