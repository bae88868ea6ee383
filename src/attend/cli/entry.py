"""`main`: from the words of a command line to a command, and from its errors to an exit code."""

import inspect
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any

import tyro

from attend.cli.cluster import cluster
from attend.cli.compiled import keep_compiled
from attend.cli.data import data
from attend.cli.demo import demo
from attend.cli.evaluate import evaluate
from attend.cli.find import find
from attend.cli.guard import Outcome, guarded
from attend.cli.infer import infer
from attend.cli.parallel import is_one_of_several
from attend.cli.report import report
from attend.cli.reproduce import reproduce
from attend.cli.sample import sample
from attend.cli.settings import default_config, given_settings, with_settings
from attend.cli.show import show
from attend.cli.train import train
from attend.errors import AttendError

COMMANDS: dict[str, Callable[..., None]] = {
    command.__name__: command
    for command in (demo, find, data, train, infer, show, cluster, evaluate, sample, report, reproduce)
}
"""Every command by its name. Its docstring is its manual page, its parameters are its arguments."""

OVERVIEW = """\
usage: attend COMMAND [ARGUMENTS]

Count, locate and describe the objects in images, without labels.

Commands:
{commands}

`attend COMMAND --help` describes a command in full; `attend --version` prints
the version.

Examples:
    attend demo
    attend train digits --out runs/digits
    attend show runs/digits digits --out scenes.png
    attend evaluate runs/digits digits

Exit status: 0 when the command succeeded; 2 if an argument or a file is wrong,
which one line on stderr explains; 130 after Ctrl-C.
"""


MARKERS = (tyro.conf.FlagCreatePairsOff, tyro.conf.DisallowNone)
"""No --no-resume, and no None to type."""


OUT_OF_MEMORY = ("RESOURCE_EXHAUSTED", "Out of memory")
"""What JAX says, the one or the other, when there is too little memory."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; `argv` is without the program's name, `sys.argv` if None."""
    words = list(sys.argv[1:] if argv is None else argv)
    status, said = guarded(partial(_outcome, words)) if is_one_of_several(words) else _outcome(words)
    if said:
        print(said, file=sys.stderr)
    return status


def _outcome(words: list[str]) -> Outcome:
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            _run(words)
            sys.stdout.flush()
        except AttendError as error:
            return _failed(str(error), 2)
        except KeyboardInterrupt as error:
            return _failed(str(error) or "interrupted", 130)
        except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
            return 141, ""
        except OSError as error:
            return _failed(f"{error.filename}: {error.strerror}" if error.filename else str(error), 2)
        except (MemoryError, RuntimeError) as error:
            if not isinstance(error, MemoryError) and not any(said in str(error) for said in OUT_OF_MEMORY):
                raise
            return _failed("out of memory; a smaller model, batch or number of images may fit", 2)
        except SystemExit as done:  # tyro's way to end after --help (0) and after a usage error (2)
            return int(done.code or 0), ""
    return 0, ""


def _run(words: list[str]) -> None:
    name, *rest = words or [""]
    if name in ("-h", "--help"):
        print(_overview(), end="")
    elif name == "--version":
        print(f"attend {version('attend')}")
    elif name not in COMMANDS:
        found = f"{name!r} is no command" if name else "a command is missing"
        raise AttendError(f"{found}; it must be one of {', '.join(COMMANDS)} (see attend --help)")
    else:
        keep_compiled()
        command = COMMANDS[name]
        target = command
        if command is train:  # its settings default to those of a preset or of the run to go on with
            target = with_settings(command, default_config(rest), given=given_settings(rest))
        if "-h" in rest or "--help" in rest:  # printed here because tyro would join its lines
            print(f"{inspect.getdoc(command)}\n")
        tyro.cli(target, prog=f"attend {name}", description="", args=rest, config=MARKERS)


def _overview() -> str:
    lines = []
    for name, command in COMMANDS.items():
        lines.append(f"  {name:<9} {(inspect.getdoc(command) or '').splitlines()[0]}")
    return OVERVIEW.format(commands="\n".join(lines))


def _failed(message: str, status: int) -> Outcome:
    return status, f"attend: {' '.join(message.split())}"


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"attend: warning: {' '.join(str(message).split())}", file=sys.stderr)
