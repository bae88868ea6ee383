import json

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
    assert [path.name for path in run.path.iterdir()] == ["config.json"]
