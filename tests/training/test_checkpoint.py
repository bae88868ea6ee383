import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from regression import OPTIMISER, advance, assert_equal, make_state

from attend.errors import AttendError
from attend.training import Checkpoints, TrainState


def saved(folder: Path, steps: int) -> tuple[Checkpoints, dict[int, TrainState]]:
    """Checkpoints of the first few steps, and the states they should hold."""
    checkpoints, states, state, step = Checkpoints(folder), {}, make_state(), advance()
    for number in range(1, steps + 1):
        state, _ = step(state, 1)
        states[number] = jax.tree.map(jnp.copy, state)
        checkpoints.save(number, state)
    checkpoints.close()
    return checkpoints, states


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def test_a_state_comes_back_bit_for_bit_and_the_latest_three_are_kept(tmp_path):
    checkpoints, states = saved(tmp_path / "c", 5)
    assert checkpoints.steps() == [3, 4, 5]
    restored = checkpoints.restore_latest(make_state(seed=9))
    assert_equal(restored, states[5])
    jax.random.normal(restored.key)  # a typed key again


def test_any_pytree_is_saved_whatever_its_dtypes(tmp_path):
    tree = {
        "a.b/c": (jnp.arange(3, dtype=jnp.bfloat16), None),
        "d": [np.array(True), jnp.zeros((0, 2)), jnp.float16(4)],
    }
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, tree)
    restored = checkpoints.restore_latest(tree)
    assert jax.tree.structure(restored) == jax.tree.structure(tree)
    for old, new in zip(jax.tree.leaves(tree), jax.tree.leaves(restored), strict=True):
        assert old.dtype == new.dtype
        np.testing.assert_array_equal(np.asarray(old), np.asarray(new))
    checkpoints.close()


@pytest.mark.parametrize("damage", [truncate, flip, Path.unlink])
def test_a_damaged_array_is_noticed_too(tmp_path, damage):
    """An array so large that orbax gives it a file of its own, without a checksum."""
    tree = {"w": jax.random.normal(jax.random.key(0), (100_000,))}
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, jax.tree.map(jnp.zeros_like, tree))
    checkpoints.save(2, tree)
    checkpoints.close()
    damage(max(files(tmp_path / "2"), key=lambda path: path.stat().st_size))
    with pytest.warns(UserWarning, match="2: damaged checkpoint, skipped"):
        restored = checkpoints.restore_latest(tree)
    assert not restored["w"].any()


@pytest.mark.parametrize("damage", [truncate, flip, Path.unlink])
def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(tmp_path, damage):
    """Whichever file is damaged, the result is the newest state or, with a warning, the one before."""
    checkpoints, states = saved(tmp_path / "c", 2)
    fell_back = 0
    for path in files(tmp_path / "c" / "2"):
        content = path.read_bytes()
        damage(path)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            restored = checkpoints.restore_latest(make_state())
        path.write_bytes(content)
        messages = [str(w.message) for w in warned if "damaged" in str(w.message)]
        assert_equal(restored, states[1 if messages else 2])
        if messages:
            (message,) = messages
            assert str(tmp_path / "c" / "2") in message
            assert "\n" not in message
            fell_back += 1
    assert fell_back >= 2  # the digest, the arrays; of some others orbax has a copy or no need
    assert_equal(checkpoints.restore_latest(make_state()), states[2])


def test_after_falling_back_the_damaged_step_can_be_saved_again(tmp_path):
    checkpoints, states = saved(tmp_path / "c", 3)
    for path in files(tmp_path / "c" / "3"):
        truncate(path)
    with pytest.warns(UserWarning, match="damaged"):
        state = checkpoints.restore_latest(make_state())
    checkpoints.discard_after(int(state.step))
    state, _ = advance()(state, 1)
    checkpoints.save(3, state)
    assert_equal(checkpoints.restore_latest(make_state()), states[3])
    checkpoints.close()


def test_all_damaged_and_none_at_all_are_errors(tmp_path):
    with pytest.raises(AttendError, match="no checkpoint"):
        Checkpoints(tmp_path / "nothing").restore_latest(make_state())
    checkpoints, _ = saved(tmp_path / "c", 2)
    for path in files(tmp_path / "c"):
        truncate(path)
    with (
        pytest.warns(UserWarning, match="damaged"),
        pytest.raises(AttendError, match=r"damaged \(steps 1, 2\)"),
    ):
        checkpoints.restore_latest(make_state())


def test_a_checkpoint_that_does_not_fit_on_the_disk_leaves_the_others_and_nothing_else(tmp_path, full_disk, capfd):
    tree = {"w": np.arange(100_000.0)}
    checkpoints = Checkpoints(tmp_path / "c")
    checkpoints.save(1, tree)
    checkpoints.close()

    def save():
        checkpoints.save(2, {"w": np.random.default_rng(0).random(100_000)})
        checkpoints.close()

    with full_disk(4096), pytest.raises(AttendError, match=r"c: cannot write a checkpoint \(File too large\)"):
        save()
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["1"]
    np.testing.assert_array_equal(checkpoints.restore_latest(tree)["w"], tree["w"])
    assert "Traceback" not in capfd.readouterr().err


def test_an_unfinished_checkpoint_is_not_seen(tmp_path):
    checkpoints, _ = saved(tmp_path / "c", 1)
    (tmp_path / "c" / "2.orbax-checkpoint-tmp").mkdir()
    assert checkpoints.steps() == [1]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"w": jnp.zeros(4), "b": jnp.zeros(())}, r"\['w'\] is float32\[3\], .*needs it float32\[4\]"),
        ({"w": jnp.zeros(3, jnp.bfloat16), "b": jnp.zeros(())}, r"\['w'\] is float32\[3\], .*bfloat16\[3\]"),
        ({"w": jnp.zeros(3), "b": jnp.zeros(()), "c": jnp.zeros(1)}, r"\['c'\] is missing"),
        ({"w": jnp.zeros(3)}, r"\['b'\] is float32\[\], .*absent"),
    ],
)
def test_a_checkpoint_of_another_model_is_refused_by_name(tmp_path, params, message):
    checkpoints, _ = saved(tmp_path / "c", 1)
    with pytest.raises(AttendError, match=message):
        checkpoints.restore_latest(TrainState.create(params, OPTIMISER, jax.random.key(0)))
