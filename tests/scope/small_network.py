"""One small network twice: as a Keras model, and as plain NumPy with gradients worked out by hand."""

from itertools import product

import keras
import numpy as np
from keras import layers

SHAPES = {1: (12, 2), 2: (7, 6, 2), 3: (5, 4, 5, 2)}
CONVOLUTIONS = {1: layers.Conv1D, 2: layers.Conv2D, 3: layers.Conv3D}
MAPS, HIDDEN, CLASSES = 3, 4, 3


class SmallNetwork:
    """Convolution of 3 positions per axis, ReLU, dense with tanh, dense with softmax or sigmoid."""

    def __init__(self, rank=2, ending="softmax", classes=CLASSES):
        shape = SHAPES[rank]
        rng = np.random.default_rng(rank)
        maps = int(np.prod([length - 2 for length in shape[:-1]])) * MAPS
        self.rank, self.ending = rank, ending
        self.kernel = rng.normal(0, 0.5, (*[3] * rank, shape[-1], MAPS)).astype("float32")
        self.first = rng.normal(0, 0.3, (maps, HIDDEN)).astype("float32")
        self.second = rng.normal(0, 1, (HIDDEN, classes)).astype("float32")
        self.bias = rng.normal(0, 0.2, classes).astype("float32")
        self.x = rng.normal(0, 1, (3, *shape)).astype("float32")
        self.model = keras.Sequential(
            [
                keras.Input(shape),
                CONVOLUTIONS[rank](MAPS, 3, activation="relu", use_bias=False, name="maps"),
                layers.Flatten(name="flat"),
                layers.Dense(HIDDEN, activation="tanh", use_bias=False, name="hidden"),
                layers.Dense(classes, activation=None if ending == "none" else ending, name="out"),
            ]
        )
        self.model.set_weights([self.kernel, self.first, self.second, self.bias])

    def before_relu(self, x):
        lengths = [length - 2 for length in x.shape[1:-1]]
        return sum(
            x[(slice(None), *(slice(o, o + n) for o, n in zip(offset, lengths, strict=True)))]
            @ self.kernel[offset]
            for offset in product(range(3), repeat=self.rank)
        )

    def maps(self, x):
        return np.maximum(self.before_relu(x), 0)

    def logits(self, x):
        return self.behind_maps(self.maps(x))

    def behind_maps(self, maps):
        return np.tanh(maps.reshape(len(maps), -1) @ self.first) @ self.second + self.bias

    def outputs(self, x):
        logits = self.logits(x)
        if self.ending == "softmax":
            raised = np.exp(logits - logits.max(1, keepdims=True))
            return raised / raised.sum(1, keepdims=True)
        return 1 / (1 + np.exp(-logits)) if self.ending == "sigmoid" else logits

    def gradient_at_maps(self, maps, target):
        """Of the logit of the target, (samples, *positions, maps)."""
        hidden = np.tanh(maps.reshape(len(maps), -1) @ self.first)
        return (((1 - hidden**2) * self.second[:, target]) @ self.first.T).reshape(maps.shape)

    def gradient(self, x, target, guided=False):
        """Of the logit of the target by the input."""
        above = self.gradient_at_maps(self.maps(x), target) * (self.before_relu(x) > 0)
        above = np.maximum(above, 0) if guided else above
        lengths = above.shape[1:-1]
        back = np.zeros_like(x)
        for offset in product(range(3), repeat=self.rank):
            place = (slice(None), *(slice(o, o + n) for o, n in zip(offset, lengths, strict=True)))
            back[place] += above @ self.kernel[offset].T
        return back


def enlarged(maps, lengths):
    """Linear interpolation, corners upon corners, one axis after the other by `numpy.interp`."""
    for axis, length in enumerate(lengths, start=1):
        at = np.arange(length) * (maps.shape[axis] - 1) / (length - 1)
        maps = np.apply_along_axis(lambda line, at=at: np.interp(at, np.arange(len(line)), line), axis, maps)
    return maps


def values_of(attributions):
    return np.stack([attribution.values for attribution in attributions])
