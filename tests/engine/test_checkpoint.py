"""A checkpoint holds all that a training needs, and a damaged one is told."""

import json
import random

import keras
import numpy as np
import pytest

from convscope.engine.training.checkpoint import read_checkpoint, state_of, write_checkpoint
from convscope.engine.training.objective import CLASSIFY
from convscope.engine.training.settings import FitSettings
from convscope.errors import RunError

ROWS = [{"epoch": 1.0, "loss": 0.5, "val_accuracy": 1 / 3}]


def model(units=4):
    made = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(units),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5, seed=7),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    CLASSIFY.compile(made, FitSettings(schedule="constant"), steps=1)
    return made


def train(made, steps=3):
    rng = np.random.default_rng(0)
    for _ in range(steps):
        made.train_on_batch(
            rng.random((8, 6), np.float32), np.eye(2, dtype=np.float32)[rng.integers(0, 2, 8)]
        )
    return made


def state(made):
    metrics = {id(variable) for variable in made.metrics_variables}
    return [
        keras.ops.convert_to_numpy(variable)
        for variable in [*made.variables, *made.optimizer.variables]
        if id(variable) not in metrics
    ]


def written(folder, made):
    write_checkpoint(folder, state_of(made), ROWS)
    (file,) = folder.iterdir()
    return file


def test_a_model_that_goes_on_from_a_checkpoint_ends_where_the_first_one_ends(tmp_path):
    one = train(model())
    write_checkpoint(tmp_path, state_of(one), ROWS)
    train(one)
    two = model()
    assert read_checkpoint(tmp_path, two) == ROWS
    train(two)
    for left, right in zip(state(one), state(two), strict=True):
        np.testing.assert_array_equal(left, right)


def test_weights_statistics_random_states_and_optimizer_are_all_in_it(tmp_path):
    one = train(model())
    before = state(one)
    assert len(before) == 8 + 1 + 2 + 2 * 6
    write_checkpoint(tmp_path, state_of(one), ROWS)
    two = train(model(), steps=1)
    read_checkpoint(tmp_path, two)
    for left, right in zip(before, state(two), strict=True):
        np.testing.assert_array_equal(left, right)


def test_only_the_newest_checkpoint_is_kept(tmp_path):
    made = model()
    for count in (1, 2, 3):
        write_checkpoint(tmp_path, state_of(made), ROWS * count)
    assert [file.name for file in tmp_path.iterdir()] == ["epoch-00003.npz"]
    assert read_checkpoint(tmp_path, made) == ROWS * 3


@pytest.mark.parametrize("place", ["empty", "missing"])
def test_without_a_checkpoint_there_is_no_history(tmp_path, place):
    (tmp_path / "empty").mkdir()
    assert read_checkpoint(tmp_path / place, model()) == []


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    written(tmp_path, model())
    with pytest.raises(RunError, match="belongs to another model") as caught:
        read_checkpoint(tmp_path, model(units=5))
    assert "settings" in caught.value.hint


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.999])
def test_a_cut_checkpoint_is_told(tmp_path, share):
    made = model()
    file = written(tmp_path, made)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(RunError, match=r"epoch-00001\.npz is damaged"):
        read_checkpoint(tmp_path, made)


def test_any_flipped_byte_is_either_harmless_or_told(tmp_path):
    made = train(model())
    file = written(tmp_path, made)
    content, expected = file.read_bytes(), state(made)
    rng = random.Random(0)
    for place in rng.sample(range(len(content)), 150):
        file.write_bytes(
            content[:place] + bytes([content[place] ^ rng.randrange(1, 256)]) + content[place + 1 :]
        )
        try:
            rows = read_checkpoint(tmp_path, made)
        except RunError:
            continue
        assert rows == ROWS
        for left, right in zip(expected, state(made), strict=True):
            np.testing.assert_array_equal(left, right)


def test_pickled_objects_are_never_loaded(tmp_path):
    made = model()
    history = np.frombuffer(json.dumps(ROWS).encode(), np.uint8)
    np.savez(tmp_path / "epoch-00001.npz", history=history, variable_00000=np.array([{}], object))
    with pytest.raises(RunError, match="damaged"):
        read_checkpoint(tmp_path, made)
