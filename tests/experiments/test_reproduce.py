import datetime
import math

import pytest
from matplotlib.figure import Figure

from attend.cli import main
from attend.errors import AttendError
from attend.experiments import Check, Report, Settings, Table, experiments, reproduce
from attend.experiments.report import page

PNG = b"\x89PNG"


@pytest.fixture
def experiment(monkeypatch):
    """An experiment called `toy` that trains nothing; the bound of its check can be set."""
    bounds = [0.5]

    def toy(settings: Settings) -> Report:
        tables = [Table("Numbers", ("seed", "value"), [(str(seed), "1.5") for seed in settings.seeds_or((3, 4))])]
        checks = [Check("value", 1.5, bounds[0])]
        return Report("A toy", settings.seeds_or((3, 4)), tables, {"empty": Figure()}, checks, ["A note."])

    monkeypatch.setattr(experiments, "_entries", dict(experiments) | {"toy": toy})
    return bounds


@pytest.mark.parametrize("at_most", [False, True])
def test_a_check_holds_on_its_side_of_the_bound_and_never_for_nan(at_most):
    sign = -1 if at_most else 1
    assert Check("c", 1.0, 1.0, at_most).passed
    assert Check("c", 1.0 + sign * 0.1, 1.0, at_most).passed
    assert not Check("c", 1.0 - sign * 0.1, 1.0, at_most).passed
    assert not Check("c", math.nan, 1.0, at_most).passed


def test_a_quick_run_takes_the_first_seed_unless_told_otherwise(tmp_path):
    assert Settings(tmp_path, quick=True).seeds_or((5, 6)) == (5,)
    assert Settings(tmp_path).seeds_or((5, 6)) == (5, 6)
    assert Settings(tmp_path, quick=True, seeds=(0, 2)).seeds_or((5, 6)) == (0, 2)


def test_a_report_names_what_it_takes_to_get_it_again(settings, tmp_path, experiment):
    reproduce("toy", settings, tmp_path / "out", "attend reproduce toy --quick")
    text = (tmp_path / "out" / "toy.md").read_text()
    for fact in ("`attend reproduce toy --quick`", "jax ", "cores", str(datetime.date.today()), "minutes", "seeds: 3"):
        assert fact in text
    assert "| 3 | 1.5 |" in text
    assert "| value | 1.5 | >= 0.5 | yes |" in text
    assert "![empty](toy-empty.png)" in text
    assert (tmp_path / "out" / "toy-empty.png").read_bytes().startswith(PNG)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"toy.md", "toy-empty.png"}


def test_a_missed_target_stands_out(experiment, settings, tmp_path):
    experiment[0] = 2.0
    report = reproduce("toy", settings, tmp_path)
    assert not report.passed
    assert "**no**" in page("toy", report)


def test_the_time_taken_includes_trainings_before_an_interruption(experiment, settings, tmp_path):
    run = settings.runs / "earlier"
    run.mkdir(parents=True)
    (run / "config.json").write_text("{}")
    (run / "metrics.jsonl").write_text('{"step": 1, "seconds": 50.0}\n{"step": 2, "seconds": 100.0}\n')
    assert 100 <= reproduce("toy", settings, tmp_path).seconds < 110


def test_runs_on_other_data_are_not_mixed(experiment, settings, tmp_path):
    reproduce("toy", settings, tmp_path)
    with pytest.raises(AttendError, match="--runs"):
        reproduce("toy", Settings(settings.runs, quick=True, data="mnist"), tmp_path)


def test_the_command_prints_the_page_and_its_status_tells_of_a_missed_target(experiment, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", "toy", "--quick", "--seeds", "7", "8"]) == 0
    out = capsys.readouterr().out
    assert "`attend reproduce toy --quick --data digits --seeds 7 8`" in out
    assert "| 8 | 1.5 |" in out
    assert not list(tmp_path.iterdir())
    experiment[0] = 2.0
    assert main(["reproduce", "toy", "--quick"]) == 1
    assert main(["reproduce", "toy"]) == 0
    assert (tmp_path / "docs" / "results" / "toy.md").exists()


def test_an_unknown_experiment_is_refused_with_the_known_ones(capsys):
    assert main(["reproduce", "nothing", "--quick"]) == 2
    assert "multi-mnist" in capsys.readouterr().err


def test_the_manual_page_names_every_experiment(capsys):
    assert main(["reproduce", "--help"]) == 0
    out = capsys.readouterr().out
    for name in experiments:
        assert name in out
