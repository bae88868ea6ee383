"""The code obeys the layers that docs/architecture.md states, and its sketches run."""

import ast
import re
from collections.abc import Iterable
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


def table() -> dict[str, tuple[set[str], set[str]]]:
    """Room to the rooms it may import, and to those that it may import only inside functions, from the page's table."""
    rows = {}
    for line in PAGE.splitlines():
        if match := re.match(r"\| `(\w+)` \|.*\| (.*?) ?\|$", line):
            room, rooms = match.groups()
            always, _, late = (set(re.findall(r"`(\w+)`", part)) for part in rooms.partition("; late: "))
            rows[room] = (set(ROOMS) if rooms == ANY else always, late)
    return rows


TABLE = table()
ALLOWED = {room: always | late for room, (always, late) in TABLE.items()}
LATE = {room: late for room, (_, late) in TABLE.items()}
FILES = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix("__init__").removesuffix("."): path
    for path in SOURCE.rglob("*.py")
}
"""Every file by the name of its module after `attend.`; the package's public face is ''."""


def files_of(room: str) -> list[Path]:
    return [SOURCE / f"{room}.py"] if (SOURCE / f"{room}.py").exists() else sorted((SOURCE / room).rglob("*.py"))


def imports(path: Path) -> list[tuple[str, ...]]:
    """Every module of the package that a file imports, at any depth, as the parts of its name after `attend`.

    The last part may be a name in a module rather than a module. `import attend` gives no part at all.
    """
    return imported(ast.walk(ast.parse(path.read_text())), path)


def imported(nodes: Iterable[ast.AST], path: Path) -> list[tuple[str, ...]]:
    """What the import statements among some nodes of a file's syntax import of the package, as of `imports`."""
    found = []
    for node in nodes:
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


def circle(below: dict[str, set[str]]) -> list[str]:
    """What is left when all that imports nothing that is left is taken away, again and again: nothing, if no circle."""
    below = {name: others - {name} for name, others in below.items()}
    while free := {name for name, others in below.items() if not others & below.keys()}:
        below = {name: others for name, others in below.items() if name not in free}
    return sorted(below)


def test_a_circle_is_found():
    assert circle({"a": {"b"}, "b": {"a"}, "c": {"a"}, "d": set()}) == ["a", "b", "c"]
    assert circle({"a": {"b", "a"}, "b": {"c"}, "c": set()}) == []


def test_rooms_do_not_import_each_other_in_a_circle():
    assert circle({room: ALLOWED[room] - LATE[room] for room in ROOMS}) == []


def test_files_do_not_import_each_other_in_a_circle_at_any_depth():
    """Inside functions as well, but for what the page calls late."""
    below: dict[str, set[str]] = {}
    for name, path in FILES.items():
        late = LATE.get(name.partition(".")[0], set())
        found = {".".join(parts) for parts in imports(path) if not parts or parts[0] not in late}
        below[name] = {other if other in FILES else other.rpartition(".")[0] for other in found}
        assert below[name] <= FILES.keys(), f"{name or 'attend'} imports what is no file"
    assert circle(below) == []


@pytest.mark.parametrize("room", [room for room in ROOMS if LATE[room]])
def test_what_the_page_calls_late_is_imported_only_inside_functions(room):
    for path in files_of(room):
        tree = ast.parse(path.read_text())
        functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
        inside = {id(node) for function in functions for node in ast.walk(function)}
        outside = (node for node in ast.walk(tree) if id(node) not in inside)
        assert not LATE[room] & {parts[0] for parts in imported(outside, path) if parts}


def test_only_scenes_has_late_imports():
    assert [room for room in ROOMS if LATE[room]] == ["scenes"]


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
