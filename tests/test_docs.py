"""Every command of the README and of the documentation runs, and so does every piece of Python.

The pages have them in blocks of `sh` and of `python`. A block runs as it is written, in a folder with a few small
images. A block under `<!-- long -->` takes minutes as it is written: each of its commands must be one that SMALL makes
short, or one that only has to be understood here because ELSEWHERE says which test runs its parts.
"""

import ast
import contextlib
import functools
import io
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import tyro
from PIL import Image
from test_benchmarks import BENCHMARKS

import attend
from attend.cli import entry
from attend.cli.entry import COMMANDS, main
from attend.experiments import experiments

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "CONTRIBUTING.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))]
TEXTS = {page: (ROOT / page).read_text() for page in PAGES}
BLOCK = re.compile(r"^(?:<!-- (?P<mark>.*) -->\n)?```(?P<language>.*)\n(?P<text>(?:.*\n)*?)```$", re.MULTILINE)

SMALL = {
    "train": ["--n", "8", "--steps", "2", "--train.batch-size", "4", "--train.warmup-steps", "0"],
    "infer": [],
    "show": [],
    "sample": [],
    "evaluate": ["--n", "20", "--samples", "2"],
    "report": ["--n", "20"],
}
"""What makes a long command of `attend` short."""

ELSEWHERE = {
    "demo": (".ci/wheel", "attend demo --quick"),
    "--cluster": ("benchmarks/cluster.py", '"--cluster"'),
    "cluster": ("tests/cli/test_own_images.py", 'attend("cluster"'),
    "find": ("tests/cli/test_find.py", '"find"'),
    "digits-found": ("tests/cli/test_find.py", '"evaluate", str(found)'),
    "data": ("tests/data/test_mnist.py", "download=True"),
    "reproduce": ("tests/experiments/test_experiments.py", "quick"),
}
"""Long commands of `attend`, and an option of one, that are not run here: the file that runs their parts, and what it
has to say."""

PYTHON = {
    "docs/architecture.md": "tests/test_architecture.py",
    "docs/cluster.md": "tests/distributed/test_distributed.py",
    "docs/renderers.md": "tests/render3d/test_mujoco.py",
}
"""Pages whose Python other tests run."""

SCRIPTS = ("bash", "yaml")
"""Languages of what needs several devices or machines: its commands only have to be understood here.

tests/cli/test_processes.py and tests/training/test_devices.py run their parts."""

EXTRAS = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])

SETTINGS = {"steps": 2, "batch_size": 4, "warmup_steps": 0, "progress": False}
"""What makes `attend.fit` short."""


class Block(NamedTuple):
    """A block of a page."""

    language: str
    long: bool
    text: str


def blocks(page: str) -> Iterator[Block]:
    for match in BLOCK.finditer(TEXTS[page]):
        assert match["mark"] in (None, "long"), f"{page}: <!-- {match['mark']} -->"
        yield Block(match["language"], match["mark"] == "long", match["text"])


def commands(page: str) -> Iterator[tuple[bool, list[str]]]:
    """The words of each command of a page, with whether it is long. Where its output goes is left out."""
    for block in blocks(page):
        if block.language == "sh":
            for line in block.text.splitlines():
                for command in line.split(" && "):
                    yield block.long, shlex.split(command.partition(" > ")[0].removeprefix("uv run "))


def understood(words: list[str]) -> bool:
    """Whether `attend` takes these words, which it does not act on."""
    parse = tyro.cli

    def only_parse(target, **options):
        command = getattr(target, "func", target)
        nothing = functools.wraps(command)(lambda *_, **__: None)
        return parse(functools.partial(nothing, **getattr(target, "keywords", {})), **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tyro, "cli", only_parse)
        patch.setattr(entry, "guarded", lambda work: work())  # in this process
        return main([word for word in words if word != "--resume"]) == 0  # without it, since there is no run


def draw(path: Path, seed: int, height: int, width: int) -> None:
    """Write a picture of a few bright squares on black."""
    rng = np.random.default_rng(seed)
    pixels = np.zeros((height, width), np.uint8)
    for y, x in zip(rng.integers(height - 7, size=3), rng.integers(width - 7, size=3), strict=True):
        pixels[y : y + 6, x : x + 6] = 200
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files that the pages name, and a set of the commands that have run among them."""
    folder = tmp_path_factory.mktemp("docs")
    for seed in range(24):
        draw(folder / "FOLDER" / f"{seed:02}.png", seed, 24, 24)
    for seed in range(4):
        draw(folder / "slides" / f"{seed}.png", seed, 70, 140)
    draw(folder / "photo.png", 30, 24, 24)
    return folder, set()


CHOSEN = ["--model.renderer", "flat", "--model.background", "learned", "--model.likelihood", "student"]
"""Choices that bring all settings with them that the pages name; the help of `train` lists those of what is chosen."""


@functools.cache
def flags(command: str) -> set[str]:
    """The flags that the help of a command names, in its words as in its list."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert main([command, *(CHOSEN if command == "train" else []), "--help"]) == 0
    return set(re.findall(r"--[a-z][\w.-]*", said.getvalue()))


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_run(page, folder, monkeypatch, capsys):
    place, done = folder
    monkeypatch.chdir(place)
    for long, words in commands(page):
        if words[0] != "attend" or (long, tuple(words)) in done:
            continue
        name = next((word for word in ("--cluster", "digits-found") if word in words), words[1])
        if long and name in ELSEWHERE:
            file, part = ELSEWHERE[name]
            assert part in (ROOT / file).read_text()
            assert understood(words[1:]), f"{page}: {words}: {capsys.readouterr().err}"
        else:
            assert not long or name in SMALL, f"{page}: nothing makes {words} short, and nothing says what runs it"
            assert main([*words[1:], *(SMALL[name] if long else [])]) == 0, (
                f"{page}: {words}: {capsys.readouterr().err}"
            )
        done.add((long, tuple(words)))


@pytest.mark.parametrize("page", PAGES)
def test_other_commands_of_a_page_are_known(page):
    checks = (ROOT / ".ci" / "run").read_text().splitlines()
    for long, words in commands(page):
        match words:
            case ["attend", name, *_]:
                assert name in COMMANDS, f"{page}: {words}"
                if name == "reproduce":
                    assert words[2] in experiments, f"{page}: {words}"
            case ["pip", "install", "uv"]:
                pass
            case ["sbatch", script] | [
                "kubectl",
                "apply",
                "-f",
                script,
            ]:  # tests/distributed/test_scripts.py reads them
                assert long
                assert (ROOT / script).exists()
            case ["pytest", *arguments]:
                assert long
                assert "uv run pytest" in checks  # exactly so
                assert all((ROOT / word).exists() for word in arguments if word.startswith("tests/")), (
                    f"{page}: {words}"
                )
            case ["python", script, *arguments]:
                assert long
                assert Path(script).parent.name == "benchmarks"
                assert Path(script).name in BENCHMARKS, f"{page}: {words}"
                (function,) = (
                    node
                    for node in ast.parse((ROOT / script).read_text()).body
                    if isinstance(node, ast.FunctionDef) and node.name == "main"
                )
                known = {f"--{argument.arg.replace('_', '-')}" for argument in function.args.args}
                assert {word for word in arguments if word.startswith("--")} <= known, f"{page}: {words}"
            case [".ci/run"]:
                assert long
                assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
            case _:
                pytest.fail(f"{page}: no test knows what {words} is")


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_in_the_scripts_of_a_page_are_understood(page, capsys):
    for block in blocks(page):
        if block.language in SCRIPTS:
            lines = re.findall(r"attend train [^\n'#]*", block.text.replace("\\\n", ""))
            assert lines, f"{page}: {block.text}"
            for line in lines:
                words = shlex.split(re.sub(r"\$[A-Z_]+", "1", line.replace(" $RESUME", "")))
                assert understood(words[1:]), f"{page}: {line}: {capsys.readouterr().err}"


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_the_python_of_a_page_runs(page, folder, monkeypatch):
    sketches = [block for block in blocks(page) if block.language == "python"]
    if page in PYTHON:
        assert Path(page).name in (ROOT / PYTHON[page]).read_text()
        return
    monkeypatch.chdir(folder[0])
    fit = attend.fit
    monkeypatch.setattr(attend, "fit", lambda *given, **settings: fit(*given, **(settings | SETTINGS)))
    images = np.stack([np.asarray(Image.open(path)) for path in sorted(Path("FOLDER").iterdir())])
    names = {"images": images}
    for sketch in sketches:
        assert sketch.long == ("attend.fit(" in sketch.text)
        exec(sketch.text, names)
    if sketches:
        assert names["scenes"].counts.shape == (len(images),)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_no_block_that_no_test_sees(page):
    assert {block.language for block in blocks(page)} <= {"sh", "python", "mermaid", *SCRIPTS}
    outside = BLOCK.sub("", TEXTS[page])
    assert "```" not in outside
    assert "<!--" not in outside
    assert not re.search(r"^(    |\t)", outside, re.MULTILINE), f"{page}: an indented block; write it as one of `sh`"


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_in_passing_exists(page, capsys):
    outside = BLOCK.sub("", TEXTS[page])
    every = set().union(*map(flags, COMMANDS))
    for span in re.findall(r"`([^`\n]+)`", outside):
        words = span.split()
        named = set(re.findall(r"(?<!\S)--[a-z][\w.-]*", span))
        if words[0] == "attend" and len(words) > 1 and words[1][0] not in "-C":
            assert words[1] in COMMANDS, f"{page}: {span}"
            assert named <= flags(words[1]) | {"--help"}, f"{page}: {span}"
        elif words[0].startswith("--"):
            assert named <= every, f"{page}: {span}"
    for extra in re.findall(r"attend\[(\w+)\]|extra `(\w+)`", outside):
        assert "".join(extra) in EXTRAS, f"{page}: {extra}"
    for link in re.findall(r"\]\(([^)#]+)", outside):
        assert "://" in link or (ROOT / page).parent.joinpath(link).exists(), f"{page}: {link}"


def test_every_extra_is_documented():
    rows = re.findall(r"^\| `(\w+)` \|", TEXTS["docs/commands.md"].partition("## Extras")[2], re.MULTILINE)
    assert set(rows) == EXTRAS


def test_every_command_is_documented():
    assert set(re.findall(r"^\| `attend (\w+)", TEXTS["docs/commands.md"], re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_in_the_help_of_a_command_are_understood(name, capsys):
    lines = re.findall(r"^ +(attend .*)$", COMMANDS[name].__doc__.replace("\\\n", " "), re.MULTILINE)
    assert lines
    for line in lines:
        words = shlex.split(line.partition(" > ")[0])
        assert words[1] == name
        assert understood(words[1:]), f"{line}: {capsys.readouterr().err}"


def test_the_readme_is_one_page():
    assert len(TEXTS["README.md"].splitlines()) <= 120


def test_every_page_of_results_is_in_the_index():
    index = TEXTS["docs/results/index.md"]
    pages = [Path(page).name for page in PAGES if page.startswith("docs/results/") and not page.endswith("index.md")]
    assert pages
    for page in pages:
        assert f"]({page})" in index
