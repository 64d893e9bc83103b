"""Training speed on a CPU: convscope, plain Keras and PyTorch on both reference models, batch 64.

Every contender trains the same layers with Adam and cross-entropy on the same kind of data (48x48x1, seven
classes, no augmentation) in a process of its own. Measured is the median time of a step after a
warm-up, so that what else runs on the machine weighs little; contenders take turns in every round, and
the median of the rounds is reported. Plain Keras takes float arrays, `fit` with its defaults on TensorFlow.
PyTorch is tried eager and compiled, in float32 and bfloat16 (autocast), channels first and last.

    python benchmarks/train_speed.py [--rounds 3] [--json FILE] [--quick]
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from results import Figure, add_arguments, print_table, write_results
from turns import fresh, medians

BATCH = 64
STEPS = {"compact_cnn": 80, "deep_cnn": 12}
WARM_UP = {"compact_cnn": 20, "deep_cnn": 4}
TORCH = list(itertools.product(("float32", "bfloat16"), ("eager", "compiled"), ("first", "last")))


def data(steps: int):
    """Random pictures and labels."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (steps * BATCH, 48, 48, 1), dtype=np.uint8)
    return pictures, rng.integers(0, 7, steps * BATCH)


def report(moments: list[float], model: str) -> None:
    """Prints images per second of the median step."""
    print(BATCH / statistics.median(np.diff(moments)[WARM_UP[model] :]))


def clock():
    """A Keras callback that notes when each step ends."""
    import keras

    class Clock(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.moments = []

        def on_train_batch_end(self, batch, logs=None):
            self.moments.append(time.perf_counter())

    return Clock()


def run_keras(model_name: str, policy: str) -> None:
    import keras

    from convscope.kinds.registry import build

    keras.config.set_dtype_policy(policy)
    pictures, labels = data(STEPS[model_name])
    model = build(model_name, (48, 48, 1), 7)
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    watch = clock()
    x = pictures.astype("float32") / 255
    y = keras.utils.to_categorical(labels, 7)
    model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0, callbacks=[watch])
    report(watch.moments, model_name)


def run_convscope(model_name: str, precision: str) -> None:
    from convscope.data.encoded import HeldArrays
    from convscope.engine.device import choose_device
    from convscope.engine.training.batches import Batches
    from convscope.engine.training.class_examples import ClassExamples
    from convscope.engine.training.fit import fit
    from convscope.engine.training.settings import FitSettings
    from convscope.kinds.image.representation import ImageRepresentation
    from convscope.kinds.registry import build

    pictures, labels = data(STEPS[model_name])
    settings = FitSettings(epochs=1, batch_size=BATCH, precision=precision)
    represent = ImageRepresentation(48, 48, 1)

    def feed(count: int) -> Batches:
        return Batches(
            ClassExamples(HeldArrays(pictures[:count]), represent.to_inputs, labels[:count], 7), BATCH
        )

    watch = clock()
    with tempfile.TemporaryDirectory() as folder:
        fit(
            lambda: build(model_name, (48, 48, 1), 7),
            feed(len(pictures)),
            feed(BATCH),
            settings,
            choose_device(settings.precision),
            Path(folder),
            [watch],
        )
    report(watch.moments, model_name)


def torch_layers(model_name: str):
    """The same layers in PyTorch; its loss takes the logits, so the softmax is inside the loss."""
    from torch import nn

    if model_name == "compact_cnn":
        layers, channels = [], 1
        for filters, rate in ((32, 0.25), (64, 0.25), (128, 0.4)):
            layers += [nn.Conv2d(channels, filters, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(rate)]
            channels = filters
        return nn.Sequential(
            *layers, nn.Flatten(), nn.Linear(2048, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 7)
        )
    layers, channels = [nn.Conv2d(1, 32, 3, padding=1), nn.ReLU()], 32
    for filters, size, rate in ((64, 3, 0.025), (128, 5, 0.25), (512, 3, 0.25), (256, 3, 0.25)):
        layers += [nn.Conv2d(channels, filters, size, padding=size // 2), nn.ReLU()]
        layers += [nn.BatchNorm2d(filters), nn.MaxPool2d(2), nn.Dropout(rate)]
        channels = filters
    layers.append(nn.Flatten())
    for before, units in ((2304, 256), (256, 512)):
        layers += [nn.Linear(before, units), nn.ReLU(), nn.BatchNorm1d(units), nn.Dropout(0.3)]
    return nn.Sequential(*layers, nn.Linear(512, 7))


def run_torch(model_name: str, variant: str) -> None:
    import torch

    precision, mode, channels = variant.split("-")
    torch.set_num_threads(os.cpu_count() or 1)
    layout = torch.channels_last if channels == "last" else torch.contiguous_format
    model = torch_layers(model_name).to(memory_format=layout)
    forward = torch.compile(model) if mode == "compiled" else model
    pictures, labels = data(STEPS[model_name])
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div(255).contiguous(memory_format=layout)
    y = torch.from_numpy(labels)
    optimizer = torch.optim.Adam(model.parameters())
    loss_of = torch.nn.CrossEntropyLoss()
    moments = []
    for start in range(0, len(x), BATCH):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            loss = loss_of(forward(x[start : start + BATCH]), y[start : start + BATCH])
        loss.backward()
        optimizer.step()
        moments.append(time.perf_counter())
    report(moments, model_name)


WORKERS = {"keras": run_keras, "convscope": run_convscope, "torch": run_torch}


def compare(model: str, rounds: int, variants: list[tuple[str, ...]]) -> list[Figure]:
    """All contenders on one model."""
    contenders = [("keras", "float32"), ("keras", "mixed_bfloat16")]
    contenders += [("convscope", "auto"), ("convscope", "float32")]
    contenders += [("torch", "-".join(variant)) for variant in variants]
    rates = medians(
        [" ".join(contender) for contender in contenders],
        lambda name: fresh(__file__, ["--worker", name.split()[0], model, name.split()[1]]),
        rounds,
        "images/s",
        model,
    )
    found = {contender: rates[" ".join(contender)] for contender in contenders}
    figures = [Figure(f"{model}, {' '.join(c)}", value, "images/s") for c, value in found.items()]
    ours, plain = found["convscope", "auto"], found["keras", "float32"]
    best = max(value for (worker, _), value in found.items() if worker == "torch")
    return [
        *figures,
        Figure(f"{model}, convscope / plain Keras", ours / plain, "x", 2.0),
        Figure(f"{model}, convscope / best PyTorch", ours / best, "x", 1.3),
    ]


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    add_arguments(parser)
    arguments = parser.parse_args()
    if arguments.worker:
        worker, model, variant = arguments.worker
        WORKERS[worker](model, variant)
        return
    variants = [v for v in TORCH if v[1] == "eager"] if arguments.quick else TORCH
    figures: list[Figure] = []
    for model in STEPS:
        figures += compare(model, 1 if arguments.quick else arguments.rounds, variants)
        write_results(arguments.json, figures, seeds=[0])
    print_table(figures)


if __name__ == "__main__":
    main()
