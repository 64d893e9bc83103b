"""The CTC loss and its gradient, beside a sum over all alignments written out."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from convscope.kinds.audio.speech.models import ctc_loss, greedy_matches
from convscope.scope.differentiate import gradient_program

pytestmark = pytest.mark.portable

FRAMES, IDS = 5, 3


def read(alignment):
    """An alignment without its repetitions and then without blanks."""
    return tuple(label for label, _ in itertools.groupby(alignment) if label)


def summed(logits, label):
    """The probability of a label: the sum over every alignment that reads as it."""
    shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    alignments = itertools.product(range(logits.shape[1]), repeat=len(logits))
    return sum(
        np.prod([shares[t, each] for t, each in enumerate(alignment)])
        for alignment in alignments
        if read(alignment) == tuple(label)
    )


def losses(logits, labels, frames=None):
    frames = [logits.shape[1]] * len(logits) if frames is None else frames
    present = (np.arange(logits.shape[1]) < np.array(frames)[:, None]).astype(np.float32)
    made = ctc_loss(
        ops.convert_to_tensor(logits.astype(np.float32)),
        ops.convert_to_tensor(present[..., None]),
        ops.convert_to_tensor(np.array(labels, np.int32)),
    )
    return [ops.convert_to_numpy(each) for each in made]


LABELS = [(), (1,), (2,), (1, 2), (2, 1), (1, 1), (2, 2, 1), (1, 2, 1), (1, 1, 1), (1, 2, 1, 2)]


def padded(labels, length=6):
    return [[*label, *[0] * (length - len(label))] for label in labels]


def test_the_loss_is_the_sum_over_all_alignments():
    logits = np.random.default_rng(0).normal(size=(len(LABELS), FRAMES, IDS))
    found, alignable = losses(logits, padded(LABELS))
    assert alignable.all()
    expected = [-np.log(summed(each, label)) for each, label in zip(logits, LABELS, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_frames_and_labels_of_padding_change_nothing():
    labels, frames = [(1,), (), (2,), (2, 1), (1, 1)], [5, 1, 2, 3, 4]
    logits = np.random.default_rng(1).normal(size=(5, FRAMES, IDS)) * 3
    expected = [
        -np.log(summed(each[:count], label))
        for each, count, label in zip(logits, frames, labels, strict=True)
    ]
    for length in (2, 6):
        np.testing.assert_allclose(losses(logits, padded(labels, length), frames)[0], expected, atol=1e-5)


def test_a_label_that_does_not_fit_into_its_frames_has_no_loss_and_no_gradient():
    labels, frames = [(1, 1), (1, 2, 1, 2, 1, 2), (1,), (), (2, 2, 2)], [2, 5, 0, 0, 4]
    logits = np.random.default_rng(1).normal(size=(5, FRAMES, IDS)).astype(np.float32)
    found, alignable = losses(logits, padded(labels), frames)
    assert not found.any()
    assert not alignable.any()
    np.testing.assert_array_equal(gradient(logits, padded(labels), frames), 0)


def gradient(logits, labels, frames):
    """Of the sum of losses by the logits."""
    present = (np.arange(logits.shape[1]) < np.array(frames)[:, None]).astype(np.float32)[..., None]

    def summed_losses(x):
        return ops.sum(ctc_loss(x, present, np.array(labels, np.int32))[0]), ()

    program = gradient_program(keras.Sequential(), summed_losses, [0], compiled=False)
    return program(logits)[0][0]


def test_the_gradient_is_the_slope_of_the_loss():
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(2, FRAMES, IDS)).astype(np.float32)
    labels, frames = [[1, 1, 2], [2, 0, 0]], [5, 3]
    found = gradient(logits, labels, frames)
    step = 1e-5
    for place in np.ndindex(*logits.shape):
        moved = []
        for sign in (1, -1):
            near = logits.astype(np.float64).copy()
            near[place] += sign * step
            moved.append(
                sum(
                    -np.log(summed(each[:count], tuple(filter(None, label))))
                    for each, label, count in zip(near, labels, frames, strict=True)
                )
            )
        assert found[place] == pytest.approx((moved[0] - moved[1]) / (2 * step), abs=1e-4)


def test_the_loss_is_that_of_keras_for_longer_samples():
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(4, 60, 9)).astype(np.float32) * 4
    lengths, frames = [12, 7, 1, 20], [60, 41, 30, 55]
    labels = rng.integers(1, 9, (4, 20)) * (np.arange(20) < np.array(lengths)[:, None])
    given = [ops.convert_to_tensor(np.array(each, np.int32)) for each in (labels, lengths, frames)]
    expected = ops.ctc_loss(given[0], ops.convert_to_tensor(logits), given[1], given[2])
    np.testing.assert_allclose(losses(logits, labels, frames)[0], ops.convert_to_numpy(expected), rtol=1e-4)


def test_certainty_has_a_loss_of_nothing_and_impossibility_a_large_one():
    sure = np.full((1, 4, 3), -200.0)
    sure[0, [0, 1, 2, 3], [1, 0, 1, 2]] = 200.0
    (right, wrong) = (losses(sure, [label])[0][0] for label in ([1, 1, 2], [2, 1, 1]))
    assert right == pytest.approx(0, abs=1e-4)
    assert 1000 < wrong < 1e5


@pytest.mark.parametrize(
    ("best", "label", "right"),
    [
        ((1, 1, 0, 1, 2), (1, 1, 2), 1),
        ((1, 1, 0, 1, 2), (1, 2), 0),
        ((1, 1, 0, 1, 2), (1, 1, 2, 2), 0),
        ((0, 0, 0, 0, 0), (), 1),
        ((0, 0, 0, 0, 1), (), 0),
        ((2, 0, 0, 0, 0), (2,), 1),
        ((1, 2, 1, 2, 1), (1, 2, 1, 2), 0),
    ],
)
def test_a_greedy_transcript_is_right_as_a_whole_or_not(best, label, right):
    shares = np.eye(IDS, dtype=np.float32)[list(best)][None]
    present = np.ones((1, len(best), 1), np.float32)
    padded = np.array([[*label, *[0] * (5 - len(label))]], np.int32)
    given = map(ops.convert_to_tensor, (shares, present, padded))
    assert ops.convert_to_numpy(greedy_matches(*given)).tolist() == [right]
