"""How far attributions lie from those of tf-keras-vis, where both packages have the method.

Both explain the same pictures by the same weights, layer and class. Maps are scaled to [0, 1] as tf-keras-vis
does, and the largest difference is given in millionths of that range; 1e-4 is 100 millionths. The other
package is needed for this alone, in an environment of its own:

    python -m venv compare
    compare/bin/pip install "convscope[tensorflow]" tf-keras-vis
    compare/bin/python benchmarks/attribution_agreement.py [--json FILE] [--quick]
"""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers
from results import Figure, add_arguments, print_table, write_results

from convscope.kinds.registry import build
from convscope.scope.attribution.methods import attribute

TARGET_MILLIONTHS = 100
SEED, DRAWS, NOISE = 0, 4, 0.2


@dataclass(frozen=True)
class Case:
    """A model with pictures, the layer for maps, and the target of each picture."""

    name: str
    model: keras.Model
    x: np.ndarray
    layer: str
    targets: list[int]


def cases(quick: bool) -> list[Case]:
    """A small network, one with two classes on one sigmoid unit, and a deep one unless in a hurry."""
    rng = np.random.default_rng(SEED)
    keras.utils.set_random_seed(SEED)
    small = rng.random((4, 48, 48, 1), np.float32)
    sigmoid = keras.Sequential(
        [
            keras.Input((24, 20, 3)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 3, activation="relu", name="last_maps"),
            layers.Flatten(),
            layers.Dense(8, activation="relu"),
            layers.Dense(1, activation="sigmoid", name="unit"),
        ]
    )
    compact = build("compact_cnn", (48, 48, 1), 7)
    last = [layer.name for layer in compact.layers if isinstance(layer, layers.Conv2D)][-1]
    found = [
        Case("compact_cnn", compact, small, last, [0, 3, 3, 6]),
        Case(
            "sigmoid unit",
            sigmoid,
            rng.normal(0, 1, (4, 24, 20, 3)).astype("float32"),
            "last_maps",
            [1, 0, 1, 0],
        ),
    ]
    if not quick:
        deep = keras.applications.MobileNetV2(input_shape=(96, 96, 3), weights=None, classes=10)
        pictures = rng.uniform(-1, 1, (2, 96, 96, 3)).astype("float32")
        for layer in deep.layers:  # as after training: every layer's maps have mean 0 and spread 1
            if isinstance(layer, layers.BatchNormalization):
                layer.momentum = 0.0
        deep(pictures, training=True)
        found.append(Case("MobileNetV2", deep, pictures, "block_16_project", [2, 7]))
    return found


def theirs(case: Case) -> dict[str, Callable[[], np.ndarray]]:
    """Their maps, scaled to [0, 1], by our names of the methods."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tf_keras_vis.gradcam import Gradcam
        from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
        from tf_keras_vis.layercam import Layercam
        from tf_keras_vis.saliency import Saliency
        from tf_keras_vis.scorecam import Scorecam
        from tf_keras_vis.utils.model_modifiers import GuidedBackpropagation, ReplaceToLinear
        from tf_keras_vis.utils.scores import BinaryScore, CategoricalScore
    model = keras.Model(case.model.inputs, case.model.outputs)  # it cannot take a Sequential model of Keras 3
    binary = model.output_shape[-1] == 1
    score = BinaryScore([bool(t) for t in case.targets]) if binary else CategoricalScore(case.targets)
    logits = ReplaceToLinear()

    def cam(kind: type) -> Callable[[], np.ndarray]:
        return lambda: kind(model, logits)(score, case.x, penultimate_layer=case.layer)

    def smooth() -> np.ndarray:
        with drawn_alike(case.x.shape):
            return Saliency(model, logits)(score, case.x, smooth_samples=DRAWS, smooth_noise=NOISE)

    found: dict[str, Callable[[], np.ndarray]] = {
        "grad-cam": cam(Gradcam),
        "grad-cam++": cam(GradcamPlusPlus),
        "layer-cam": cam(Layercam),
        "saliency": lambda: Saliency(model, logits)(score, case.x),
        "smoothgrad": smooth,
        "guided-backpropagation": lambda: Saliency(model, [GuidedBackpropagation(), logits])(score, case.x),
    }
    if any(isinstance(layer, layers.ReLU) for layer in model.layers):
        del found["guided-backpropagation"]  # theirs does not reach ReLU layers
    if not binary:  # their Score-CAM takes a softmax over the outputs, which is 1 for a single unit
        found["score-cam"] = cam(Scorecam)
    return found


@contextmanager
def drawn_alike(shape: tuple[int, ...]):
    """Within it, NumPy's normal noise is the one that convscope draws for the same seed."""
    drawn = np.random.default_rng(SEED).standard_normal((shape[0], DRAWS, *shape[1:]), dtype="float32")
    original = np.random.normal
    np.random.normal = lambda mean, spread, size: mean + spread * np.moveaxis(drawn, 1, 0)
    try:
        yield
    finally:
        np.random.normal = original


def ours(case: Case, method: str) -> np.ndarray:
    """Our maps of the same, scaled to [0, 1] in the same way."""
    options: dict[str, object] = {}
    if "cam" in method:
        options["layer"] = case.layer
    if method == "smoothgrad":
        options.update(draws=DRAWS, noise=NOISE, average="magnitudes", seed=SEED)
    # As many at a time as they compute: another order of summation rounds differently, and in a deep network
    # one rounding of the input turns some ReLU on or off and moves a single gradient by some 1e-3.
    options["batch_size"] = len(case.x)
    found = attribute(case.model, case.x, method, target=case.targets, **options)
    return scaled(np.stack([each.values for each in found]))


def scaled(maps: np.ndarray) -> np.ndarray:
    """Each map from its smallest to its largest value, to [0, 1]."""
    axes = tuple(range(1, maps.ndim))
    low, high = maps.min(axes, keepdims=True), maps.max(axes, keepdims=True)
    return (maps - low) / (high - low + 1e-7)


def main() -> None:
    """Compares every method that both have, on every case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_arguments(parser)
    arguments = parser.parse_args()
    keras.utils.disable_interactive_logging()
    other = f"tf-keras-vis {version('tf-keras-vis')}"
    figures = []
    for case in cases(arguments.quick):
        for method, explain in theirs(case).items():
            expected, found = np.asarray(explain()), ours(case, method)
            if not expected.std() > 0.01:
                parser.exit(
                    1, f"{other} gives an empty map for {method} on {case.name}; nothing is compared\n"
                )
            difference = float(np.abs(expected - found).max()) * 1e6
            name = f"{method}, {case.name}, largest difference from {other}"
            figures.append(Figure(name, difference, "millionths", TARGET_MILLIONTHS, "lower"))
    print_table(figures)
    write_results(arguments.json, figures, seeds=[SEED])


if __name__ == "__main__":
    main()
