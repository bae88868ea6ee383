"""From a name to a report on disk: run the experiment, and write its page and pictures."""

import dataclasses
import os
import platform
import re
import time
from pathlib import Path

import jax

from attend.experiments.frame import Report, Settings, Table, experiments
from attend.experiments.runs import claim, trained_seconds
from attend.figures import save_figure
from attend.files import atomic_file


def reproduce(name: str, settings: Settings, out: Path, command: str = "") -> Report:
    """Run the experiment called `name` and write `out/NAME.md` and `out/NAME-*.png`.

    Args:
        name: of the experiment.
        settings: of the run.
        out: the folder to write to; made if it is not there.
        command: the command line, which the page names.

    Raises:
        AttendError: the name is unknown, data are not there, a trained model in `settings.runs` is of other
            settings, or a file cannot be written.
    """
    experiment = experiments[name]
    claim(name, settings)
    earlier, started = trained_seconds(settings.runs), time.perf_counter()
    report = experiment(settings)
    seconds = earlier + time.perf_counter() - started
    report = dataclasses.replace(report, command=command, seconds=seconds)
    for key, figure in report.figures.items():
        save_figure(figure, out / f"{name}-{key}.png")
    with atomic_file(out / f"{name}.md") as file:
        file.write(page(name, report).encode())
    return report


def page(name: str, report: Report) -> str:
    """The report in Markdown; its pictures are called `NAME-*.png`."""
    facts = {
        "command": f"`{report.command}`",
        "seeds": ", ".join(map(str, report.seeds)),
        "machine": describe_machine(),
        "date": str(report.date),
        "time taken": f"{report.seconds / 60:.1f} minutes",
    }
    parts = [f"# {report.title}", "\n".join(f"- {key}: {value}" for key, value in facts.items())]
    tables = list(report.tables)
    if report.checks:
        rows = [
            (c.name, f"{c.value:.4g}", f"{'<=' if c.at_most else '>='} {c.bound:g}", "yes" if c.passed else "**no**")
            for c in report.checks
        ]
        tables.append(Table("Targets", ("what", "found", "target", "reached"), rows))
    for table in tables:
        parts.append(f"## {table.title}\n\n{markdown(table)}")
    parts += [f"![{key}]({name}-{key}.png)" for key in report.figures]
    if report.notes:
        parts.append("## Notes\n\n" + "\n".join(f"- {note}" for note in report.notes))
    return "\n\n".join(parts) + "\n"


def markdown(table: Table) -> str:
    """A table's headings and rows in Markdown, numbers to the right."""
    lines = [table.headings, ["---", *["---:"] * (len(table.headings) - 1)], *table.rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def describe_machine() -> str:
    """Processor, cores, accelerator and versions."""
    cpuinfo = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", cpuinfo.read_text()) if cpuinfo.exists() else []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    devices = jax.devices()
    device = "" if devices[0].platform == "cpu" else f", {len(devices)} x {devices[0].device_kind}"
    return (
        f"{names[0] if names else platform.machine()}, {cores} cores{device}; {platform.system()}, "
        f"Python {platform.python_version()}, jax {jax.__version__}"
    )
