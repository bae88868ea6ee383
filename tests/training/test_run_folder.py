import json
import signal
import subprocess
import sys

import pytest
from regression import make_state

from attend.errors import AttendError
from attend.training import RunFolder


def row(step: int, **more: float) -> dict[str, float]:
    return {"step": step, "loss": 1 / step, "seconds": 0.5 * step} | more


def test_the_config_comes_back(tmp_path):
    config = {"steps": 10, "data": {"name": "digits"}}
    run = RunFolder.create(tmp_path / "runs" / "a", config)
    assert RunFolder(run.path).config() == config
    run.write_config(config | {"steps": 20})
    assert run.config()["steps"] == 20
    assert [path.name for path in run.path.iterdir()] == ["config.json"]


def test_rows_come_back_and_later_ones_are_dropped_on_resume(tmp_path):
    run = RunFolder.create(tmp_path / "run", {})
    with run.recording(0) as before:
        assert before == 0
        for step in (1, 2, 3):
            run.log(row(step))
    assert run.metrics() == [row(1), row(2), row(3)]
    with run.recording(2) as before:
        assert before == 1.0
        assert run.metrics() == [row(1), row(2)]
        run.log(row(3, accuracy=float("nan")))
    assert run.metrics()[-1]["accuracy"] is None
    assert list((run.path / "tensorboard").iterdir())


def test_a_last_line_cut_short_is_left_out(tmp_path):
    run = RunFolder.create(tmp_path / "run", {})
    text = json.dumps(row(1)) + "\n"
    (run.path / "metrics.jsonl").write_text(text + '{"step": 2, "lo')
    assert run.metrics() == [row(1)]
    with run.recording(1):
        run.log(row(2))
    assert run.metrics() == [row(1), row(2)]
    (run.path / "metrics.jsonl").write_text("rubbish\n" + text)
    with pytest.raises(AttendError, match=r"metrics\.jsonl"):
        run.metrics()


def test_a_folder_in_use_is_refused(tmp_path):
    RunFolder.create(tmp_path / "run", {})
    with pytest.raises(AttendError, match="holds a run already; go on with --resume"):
        RunFolder.create(tmp_path / "run", {})
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    with pytest.raises(AttendError, match="not empty"):
        RunFolder.create(tmp_path / "other", {})
    with pytest.raises(AttendError, match="cannot be written"):
        RunFolder.create(tmp_path / "other" / "thesis.tex", {})


def test_what_is_not_a_run_is_told_so(tmp_path):
    with pytest.raises(AttendError, match=r"nowhere: no such run folder"):
        RunFolder(tmp_path / "nowhere")
    with pytest.raises(AttendError, match=r"no config\.json"):
        RunFolder(tmp_path)
    run = RunFolder.create(tmp_path / "run", {})
    with pytest.raises(AttendError, match="holds no checkpoint"):
        run.checkpoints.restore_latest(make_state())
    for text in ("{", "[]"):
        (run.path / "config.json").write_text(text)
        with pytest.raises(AttendError, match=r"config\.json"):
            run.config()


def test_a_folder_that_cannot_be_written_is_told_so(tmp_path, monkeypatch):
    run = RunFolder.create(tmp_path / "run", {})

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(AttendError, match=r"cannot be written \(Permission denied\)"):
        run.write_config({"steps": 1})
    with pytest.raises(AttendError, match="cannot be written"), run.recording(0):
        pass
    assert run.config() == {}
    assert sorted(path.name for path in run.path.iterdir()) == [".lock", "config.json"]


def test_a_row_that_does_not_fit_on_the_disk_ends_the_training(tmp_path, full_disk):
    run = RunFolder.create(tmp_path / "run", {})

    def train():
        with run.recording(0):
            run.log(row(1))
            with full_disk(500):
                for step in range(2, 100):
                    run.log(row(step))

    with pytest.raises(AttendError, match=r"run: cannot be written \(File too large\)"):
        train()
    assert 1 <= len(run.metrics()) < 30
    with run.recording(1):
        run.log(row(2))
    assert run.metrics() == [row(1), row(2)]


def test_a_deleted_folder_is_noticed_and_not_made_again(tmp_path):
    run = RunFolder.create(tmp_path / "run", {})

    def train():
        with run.recording(0):
            run.log(row(1))
            run.path.rename(tmp_path / "elsewhere")
            run.log(row(2))

    with pytest.raises(AttendError, match="run: cannot be written"):
        train()
    assert not run.path.exists()


def test_a_folder_is_trained_in_by_one_at_a_time(tmp_path):
    run = RunFolder.create(tmp_path / "run", {})
    other = RunFolder(run.path)
    with run.locked():
        with run.recording(0):  # its own lock does not keep it out
            run.log(row(1))
        for _ in range(2):
            with pytest.raises(AttendError, match="run: another process is training in it"), other.recording(0):
                pass
        assert run.metrics() == [row(1)]
    with other.recording(1):
        other.log(row(2))
    assert run.metrics() == [row(1), row(2)]


def test_the_lock_ends_with_its_process_however_that_dies(tmp_path):
    run = RunFolder.create(tmp_path / "run", {})
    hold = "import sys, time; from attend.training import RunFolder\n"
    hold += "with RunFolder(sys.argv[1]).locked(): print('locked', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", hold, str(run.path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(AttendError, match="another process is training in it"), run.locked():
            pass
        other.send_signal(signal.SIGKILL)
    with run.locked():
        pass


def test_what_a_killed_process_had_begun_is_in_nobodys_way(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".config.json.123.tmp").write_text("{")
    run = RunFolder.create(tmp_path / "run", {})
    with run.recording(0):
        pass
    assert not list(run.path.glob(".*.tmp"))
