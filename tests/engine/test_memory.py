import keras
import pytest

from convscope.engine.training import memory
from convscope.errors import UsageError


def small_model():
    return keras.Sequential(
        [keras.Input((10, 10, 1)), keras.layers.Conv2D(4, 3, padding="same"), keras.layers.Flatten()]
    )


def test_inputs_and_outputs_of_layers_are_counted():
    assert memory.bytes_per_sample(small_model(), 4) == (100 + (400 + 400) / 2) * 4


def test_lengths_that_are_open_do_not_count():
    model = keras.Sequential([keras.Input((None, 8)), keras.layers.Conv1D(4, 3)])
    assert memory.bytes_per_sample(model, 4) == (8 + 4 / 2) * 4


def test_a_batch_that_cannot_be_held_is_refused_with_one_that_can(monkeypatch):
    monkeypatch.setattr(memory, "free_bytes", lambda: 2**20)
    memory.check_memory(small_model(), 500, 4)
    with pytest.raises(UsageError, match="A step with 100,000 samples takes at least 191 MiB") as caught:
        memory.check_memory(small_model(), 100_000, 4)
    assert "--batch-size 256" in caught.value.hint


def test_free_memory_is_known_or_nothing_is_refused(monkeypatch):
    assert memory.free_bytes() is None or memory.free_bytes() > 0
    monkeypatch.setattr(memory, "free_bytes", lambda: None)
    memory.check_memory(small_model(), 10**12, 4)
