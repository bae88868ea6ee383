"""Training on batches from the host: the same steps, whatever they are cut into."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from regression import OPTIMISER, assert_equal, loss_fn, make_data, make_state

from attend.errors import AttendError
from attend.training import RunFolder, make_advance, streamed_advance, train
from attend.training import streamed as module

DATA, N, BATCH = make_data(), 40, 8


def rows_at(step):
    """A batch without a shuffle."""
    return np.arange(step * BATCH, (step + 1) * BATCH) % N


class Host:
    """Gives batches, and counts them and those who close it."""

    def __init__(self, rows=rows_at):
        self.rows, self.given, self.closed = rows, [], 0

    def __call__(self, start):
        step = start
        try:
            while True:
                self.given.append(step)
                yield {name: array[self.rows(step)] for name, array in DATA.items()}
                step += 1
        finally:
            self.closed += 1


def fit(steps, *, host=None, state=None, run=None, loss=loss_fn, **options):
    host = host or Host()
    with streamed_advance(loss, OPTIMISER, host, BATCH) as advance:
        options = {"every": 10} | options
        state = train(state or make_state(), advance, steps=steps, run=run, progress=False, **options)
    assert host.closed == 1
    return state


def test_a_step_is_that_of_data_on_the_device():
    state, resident = make_state(), make_state()
    on_device = make_advance(loss_fn, OPTIMISER, {"order": np.arange(N)} | DATA, BATCH)
    order = jax.random.split(resident.key)[1]
    orders = [np.asarray(jax.random.permutation(jax.random.fold_in(order, epoch), N)) for epoch in range(50)]
    host = Host(lambda step: orders[step // 5][step % 5 * BATCH :][:BATCH])
    with streamed_advance(loss_fn, OPTIMISER, host, BATCH) as advance:
        for _ in range(3):
            state, metrics = advance(state, 5)
            resident, expected = on_device(resident, 5)
            for name in expected:
                np.testing.assert_allclose(metrics[name], expected[name], rtol=1e-5)
    for a, b in zip(jax.tree.leaves(state.params), jax.tree.leaves(resident.params), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


@pytest.mark.parametrize("together", [1, 7, 100])
@pytest.mark.parametrize("every", [4, 60])
def test_neither_how_batches_are_sent_nor_how_steps_are_cut_matters(monkeypatch, together, every):
    expected = fit(60)
    monkeypatch.setattr(module, "TOGETHER", together)
    host = Host()
    assert_equal(fit(60, host=host, every=every), expected)
    assert host.given[:60] == list(range(60))
    assert len(host.given) <= 60 + 2 * together


def test_batches_that_are_large_together_are_sent_one_by_one(monkeypatch):
    monkeypatch.setattr(module, "TOGETHER_BYTES", 1)
    host = Host()
    fit(3, host=host)
    assert host.given == [0, 1, 2, 3]


def test_resuming_anywhere_gives_the_same_bits(tmp_path):
    whole, parts = (RunFolder.create(tmp_path / name, {}) for name in ("whole", "parts"))
    expected = fit(30, run=whole)
    fit(13, run=parts)
    host = Host()
    assert_equal(fit(30, run=parts, state=parts.checkpoints.restore_latest(make_state(5)), host=host), expected)
    assert host.given[0] == 13
    metrics = [[row["loss"] for row in run.metrics() if row["step"] in (10, 30)] for run in (whole, parts)]
    assert metrics[0][0] == metrics[1][0]


def test_a_call_of_no_steps_changes_nothing_and_going_back_reads_anew():
    host = Host()
    with streamed_advance(loss_fn, OPTIMISER, host, BATCH) as advance:
        state, metrics = advance(make_state(), 0)
        assert_equal(state, make_state())
        assert bool(metrics["finite"])
        one, _ = advance(state, 150)
        other, _ = advance(make_state(), 150)
        assert_equal(one, other)
        assert host.closed == 1
    assert host.closed == 2


def test_a_step_is_traced_once():
    traced = []

    def counted(params, batch, key, step):
        traced.append(step)
        return loss_fn(params, batch, key, step)

    fit(250, loss=counted, every=50)
    assert len(traced) == 1


def test_a_value_that_is_not_finite_stops_the_training(monkeypatch):
    monkeypatch.setattr(module, "TOGETHER", 3)

    def breaks(params, batch, key, step):
        loss, metrics = loss_fn(params, batch, key, step)
        return jnp.where(step == 14, jnp.nan, loss), metrics

    with pytest.raises(AttendError, match=r"after step 10, by step 15"):
        fit(30, loss=breaks)


def test_what_the_host_raises_ends_the_training():
    def fails(step):
        if step == 150:
            raise AttendError("the file is gone")
        return rows_at(step)

    with pytest.raises(AttendError, match="the file is gone"):
        fit(200, host=Host(fails))
