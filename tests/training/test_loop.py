import signal
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from regression import OPTIMISER, advance, assert_equal, loss_fn, make_data, make_state

from attend.errors import AttendError
from attend.training import RunFolder, make_advance, train


def rows(run: RunFolder) -> list[dict]:
    timings = ("seconds", "images_per_second")
    return [{name: value for name, value in row.items() if name not in timings} for row in run.metrics()]


def count_accuracy(state) -> dict:
    return {"count_accuracy": 1 / (1 + jnp.abs(state.params["b"])), "unknown": None}


def fit(state, run, steps, loss=loss_fn, **options):
    options = {
        "every": 10,
        "evaluate": count_accuracy,
        "evaluate_every": 20,
        "checkpoint_every": 30,
    } | options
    return train(state, advance(loss), steps=steps, run=run, progress=False, **options)


def test_it_learns():
    state = train(make_state(), advance(), steps=200, progress=False)
    assert int(state.step) == 200
    assert float(loss_fn(state.params, make_data(), jax.random.key(0), 0)[0]) < 0.1 * float(
        loss_fn(make_state().params, make_data(), jax.random.key(0), 0)[0]
    )


@pytest.mark.parametrize("every", [1, 7, 60, 100])
def test_the_chunk_size_does_not_matter(every):
    assert_equal(
        train(make_state(), advance(), steps=60, every=every, progress=False),
        train(make_state(), advance(), steps=60, every=20, progress=False),
    )


def test_another_seed_gives_another_result():
    one, other = (train(make_state(seed), advance(), steps=20, progress=False) for seed in (0, 1))
    assert not np.array_equal(one.params["w"], other.params["w"])


def test_resume_equals_no_interruption(tmp_path):
    whole = RunFolder.create(tmp_path / "whole", {})
    expected = fit(make_state(), whole, 100)

    parts = RunFolder.create(tmp_path / "parts", {})
    fit(make_state(), parts, 80)
    assert parts.checkpoints.steps() == [30, 60, 80]
    parts.checkpoints.discard_after(60)  # as if the machine had gone down between steps 70 and 80
    parts.checkpoints.close()
    reopened = RunFolder(tmp_path / "parts")
    state = reopened.checkpoints.restore_latest(make_state(seed=5))
    assert int(state.step) == 60
    assert_equal(fit(state, reopened, 100), expected)
    assert rows(reopened) == rows(whole)
    assert [row["step"] for row in rows(whole)] == list(range(10, 101, 10))
    assert [row["step"] for row in rows(whole) if "count_accuracy" in row] == [20, 40, 60, 80, 100]
    seconds = [row["seconds"] for row in reopened.metrics()]
    assert seconds == sorted(seconds)


def test_a_finished_training_is_left_as_it_is(tmp_path):
    run = RunFolder.create(tmp_path / "run", {})
    done = fit(make_state(), run, 20)
    before = run.metrics()
    again = fit(run.checkpoints.restore_latest(make_state()), run, 20)
    assert_equal(again, done)
    assert run.metrics() == before


@pytest.mark.parametrize("batch_size", [8, 7])  # 40 examples: a whole number of batches, and 5 left over
def test_an_epoch_uses_no_example_twice(batch_size):
    def seen(params, batch, key, step):
        seen = jnp.zeros(40).at[batch["index"]].add(1)
        return jnp.sum(params["w"]) * 0, {str(i): seen[i] for i in range(40)}

    epoch = 40 // batch_size
    step = make_advance(seen, OPTIMISER, make_data(), batch_size)
    state, orders = make_state(), []
    for _ in range(3):
        counts = np.zeros((epoch, 40))
        for i in range(epoch):
            state, metrics = step(state, 1)
            counts[i] = [metrics[str(j)] for j in range(40)]
        assert counts.max() == 1
        assert counts.sum(0).max() == 1
        assert counts.sum() == epoch * batch_size
        orders.append(counts)
    assert not np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[1], orders[2])


def test_metrics_are_means_over_the_chunk():
    _, metrics = advance()(make_state(), 5)
    assert float(metrics["step_seen"]) == pytest.approx(2.0)
    assert bool(metrics["finite"])
    assert float(metrics["elbo"]) == pytest.approx(-float(metrics["loss"]))


def test_creating_a_state_leaves_the_arguments_usable():
    key, w = jax.random.key(3), jnp.ones(3)
    state = type(make_state()).create({"w": w, "b": jnp.zeros(())}, OPTIMISER, key)
    advance()(state, 1)
    assert float(w.sum()) == 3
    jax.random.split(key)


def test_a_call_of_no_steps_changes_nothing():
    state, metrics = advance()(make_state(), 0)
    assert_equal(state, make_state())
    assert bool(metrics["finite"])


def test_a_step_is_traced_once():
    traced = []

    def counted(params, batch, key, step):
        traced.append(step)
        return loss_fn(params, batch, key, step)

    w = jnp.full(3, 1.0)  # of a weak type, for it is made of a Python number
    state = type(make_state()).create({"w": w, "b": jnp.zeros(())}, OPTIMISER, jax.random.key(0))
    run = make_advance(counted, OPTIMISER, make_data(), 8)
    for _ in range(2):
        state, _ = run(state, 3)
    assert len(traced) == 1


@pytest.mark.parametrize("bad", ["loss", "gradient", "parameters"])
def test_a_value_that_is_not_finite_stops_the_training(tmp_path, bad):
    def breaks(params, batch, key, step):
        loss, metrics = loss_fn(params, batch, key, step)
        if bad == "loss":
            return jnp.where(step == 44, jnp.nan, loss), metrics
        if bad == "gradient":
            root = jax.lax.cond(step == 44, lambda b: jnp.sqrt(0 * b), lambda b: 0 * b, params["b"])
            return loss + root, metrics
        return loss, metrics

    run = RunFolder.create(tmp_path / "run", {})
    if bad == "parameters":
        fit(make_state(), run, 40)
        good = run.checkpoints.restore_latest(make_state())
        spoiled = run.checkpoints.restore_latest(make_state())
        spoiled = type(spoiled)(
            spoiled.params | {"frozen": jnp.array(jnp.inf)}, spoiled.opt_state, spoiled.step, spoiled.key
        )
        _, metrics = make_advance(lambda p, b, k, s: loss_fn(p, b, k, s), no_op(), make_data(), 8)(spoiled, 1)
        assert bool(jnp.isfinite(metrics["loss"]))
        assert not bool(metrics["finite"])
    else:
        with pytest.raises(AttendError, match=r"after step 40, by step 45; the last good checkpoint is step 30"):
            fit(make_state(), run, 100, breaks)
        good = run.checkpoints.restore_latest(make_state())
        assert int(good.step) == 30
        assert [row["step"] for row in run.metrics()] == [10, 20, 30, 40]
        assert_equal(good, train(make_state(), advance(breaks), steps=30, progress=False))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(good.params))


def no_op():
    import optax

    return optax.GradientTransformation(lambda params: None, lambda grads, state, params=None: (grads, state))


@pytest.mark.parametrize(("field", "value"), [("every", 0), ("evaluate_every", -1), ("checkpoint_every", 0)])
def test_bad_periods_are_named(field, value):
    with pytest.raises(AttendError, match=f"{field}: .*{value}"):
        train(make_state(), advance(), steps=10, progress=False, **{field: value})


def test_bad_data_are_named():
    with pytest.raises(AttendError, match=r"batch_size: .*40 examples.*41"):
        advance(batch_size=41)
    with pytest.raises(AttendError, match=r"data: .*\[3, 4\]"):
        make_advance(loss_fn, OPTIMISER, {"x": np.zeros(3), "y": np.zeros(4)}, 2)


def test_control_c_saves_and_resumes_to_the_same_result(tmp_path):
    script, path = str(Path(__file__).with_name("regression.py")), tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, script, str(path), "slow"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    while process.stdout.readline().strip() != "15":
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130
    run = RunFolder(path)
    (step,) = run.checkpoints.steps()
    assert 15 <= step < 120
    assert f"stopped at step {step} of 120 and saved in {path}" in message
    assert "Traceback" not in message

    state = train(run.checkpoints.restore_latest(make_state()), advance(), steps=120, every=5, run=run)
    uninterrupted = RunFolder.create(tmp_path / "uninterrupted", {})
    assert_equal(state, train(make_state(), advance(), steps=120, every=5, run=uninterrupted))
    assert rows(run) == rows(uninterrupted)


def test_progress_is_a_plain_line_where_there_is_no_terminal(capsys):
    train(make_state(), advance(), steps=20, evaluate=count_accuracy)
    error = capsys.readouterr().err
    assert error.startswith("step 20/20  ELBO -")
    assert "count accuracy" in error
    assert "images/s" in error
    train(make_state(), advance(), steps=20, progress=False)
    assert capsys.readouterr().err == ""
