"""The average of the weights is evaluated and kept; the training goes on without it."""

import keras
import numpy as np
from reading_runs import rows

import convscope
from convscope.engine.training.averaging import momentum


class Weights(keras.callbacks.Callback):
    """The trainable weights after each step."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append([np.array(weight) for weight in self.model.trainable_weights])


def trained(pictures, settings, out, averaging):
    weights = Weights()
    run = convscope.train(
        pictures, out=out, callbacks=[weights], **{**settings, "epochs": 3, "averaging": averaging}
    )
    return run, weights.seen


def test_the_exponential_average_of_all_steps_so_far_is_kept(pictures, settings, tmp_path):
    run, seen = trained(pictures, settings, tmp_path / "run", 0.4)
    factor = momentum(0.4, len(seen))
    best = run.metrics()["best_epoch"]["epoch"]
    assert 0 < factor < 1
    average = seen[0]
    for step in seen[1 : best * len(seen) // 3]:
        average = [factor * old + (1 - factor) * new for old, new in zip(average, step, strict=True)]
    kept = keras.models.load_model(run.model_path).trainable_weights
    for expected, weight in zip(average, kept, strict=True):
        np.testing.assert_allclose(np.array(weight), expected, atol=1e-6)


def test_the_training_takes_the_same_steps_and_is_evaluated_otherwise(pictures, settings, tmp_path):
    plain, steps = trained(pictures, settings, tmp_path / "plain", 0.0)
    average, others = trained(pictures, settings, tmp_path / "averaged", 0.4)
    for one, other in zip(steps, others, strict=True):
        for weight, same in zip(one, other, strict=True):
            np.testing.assert_array_equal(weight, same)
    assert [row["loss"] for row in rows(plain)] == [row["loss"] for row in rows(average)]
    assert [row["val_loss"] for row in rows(plain)] != [row["val_loss"] for row in rows(average)]


def test_an_average_reaches_back_over_a_share_of_the_steps():
    assert momentum(0.1, 1000) == 0.99
    assert momentum(0.1, 5) == 0.0
