"""Layers over frames against NumPy, and architectures over films."""

import keras
import numpy as np
import pytest

from convscope.errors import UsageError
from convscope.kinds.video.models import FrameChanges, TemporalShift, c3d, r2plus1d, temporal_shift
from convscope.scope.geometry.geometry import geometries
from convscope.scope.graph.graph import trace

pytestmark = pytest.mark.portable


def values(shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("part", [2, 4, 8, 100])
def test_a_shift_moves_channels_to_the_frames_beside(part):
    x = values((2, 5, 3, 4, 16))
    expected, moved = x.copy(), 16 // part
    if moved:
        expected[:, 1:, ..., :moved], expected[:, 0, ..., :moved] = x[:, :-1, ..., :moved], 0
        there = slice(moved, 2 * moved)
        expected[:, :-1, ..., there], expected[:, -1, ..., there] = x[:, 1:, ..., there], 0
    layer = TemporalShift(part)
    assert np.array_equal(keras.ops.convert_to_numpy(layer(x)), expected)
    assert TemporalShift.from_config(layer.get_config()).part == part


def test_changes_stand_beside_the_values():
    x = values((2, 5, 3, 4, 2))
    found = keras.ops.convert_to_numpy(FrameChanges()(x))
    assert np.array_equal(found[..., :2], x)
    assert np.allclose(found[:, 1:, ..., 2:], x[:, 1:] - x[:, :-1])
    assert not found[:, 0, ..., 2:].any()


def test_a_part_of_less_than_two_is_refused():
    with pytest.raises(UsageError, match="part must be at least 2"):
        TemporalShift(1)


@pytest.mark.parametrize("make", [temporal_shift, r2plus1d, c3d])
def test_an_architecture_gives_probabilities_and_survives_saving(make, tmp_path):
    model = make((4, 24, 32, 1), 3, width=4)
    x = values((2, 4, 24, 32, 1))
    found = keras.ops.convert_to_numpy(model(x))
    assert found.sum(axis=1) == pytest.approx([1, 1], abs=1e-5)
    model.save(tmp_path / "model.keras")
    again = keras.ops.convert_to_numpy(keras.saving.load_model(tmp_path / "model.keras")(x))
    assert np.allclose(found, again, atol=1e-6)
    with pytest.raises(UsageError, match="too small"):
        make((4, 8, 8, 1), 3)
    with pytest.raises(UsageError, match="takes"):
        make((24, 32, 1), 3)


def test_receptive_fields_grow_by_a_frame_either_way_with_each_shift():
    graph = trace(temporal_shift((16, 64, 64, 1), 3, width=8))
    found = geometries(graph)
    fields = [found[f"stage{stage}_block1_add"].receptive_field[0] for stage in (1, 2, 3)]
    assert fields == [4, 6, 8], "two frames see the changes; each block adds one on either side"
    model = temporal_shift((16, 64, 64, 1), 3, width=8)
    middle = keras.Model(model.input, model.get_layer("stage2_block1_add").output)
    x = values((1, 16, 64, 64, 1))
    before = keras.ops.convert_to_numpy(middle(x))
    for frame, depends in ((4, False), (5, True), (10, True), (11, False)):
        other = x.copy()
        other[:, frame] += 1
        after = keras.ops.convert_to_numpy(middle(other))
        assert (not np.allclose(before[0, 8], after[0, 8], atol=1e-5)) == depends, frame
