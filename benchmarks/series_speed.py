"""Speed of training `fcn` and `inception_time`, and of solving `minirocket` and `hydra_multirocket`.

Every contender has the same layers of the same sizes, the same batches of random series of one length, and a
process of its own; contenders take turns in every round, and the median of the rounds is reported.

- convscope: its own loop with its own choice of precision.
- Plain Keras `fit` in float32 from arrays, the same model.
- PyTorch eager and compiled, float32 and bfloat16.
- aeon: its deep classifiers as they come, which are built on TensorFlow; one network of InceptionTime.
- `minirocket`, `hydra_multirocket`: series a second from arrays to a model, by convscope and by aeon's
  classifier. convscope also makes probabilities from samples left out, and a Keras model of it, which
  `minirocket_answers` and `hydra_multirocket_answers` time.
- `minirocket_start`: series a second of a fresh process, imports and what is compiled at first included. What
  both keep of compiled code from one process to the next is there in every round but the first.

    python benchmarks/series_speed.py [--rounds 3] [--only fcn] [--json FILE] [--quick]
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from results import Figure, add_arguments, print_table, write_results
from series_peers import TORCH_MODELS
from turns import fresh, medians

BATCH, LENGTH, CLASSES = 16, 256, 4
STEPS, WARM_UP = 40, 10
SOLVED = 256
AEON = {"minirocket": "MiniRocketClassifier", "hydra_multirocket": "MultiRocketHydraClassifier"}
TORCH = [
    f"{precision}-{mode}"
    for precision, mode in itertools.product(("float32", "bfloat16"), ("eager", "compiled"))
]


def series(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Waves of as many frequencies as there are classes, in noise, (count, LENGTH, 1), and their classes."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    at = np.arange(LENGTH) * (0.05 + 0.05 * labels[:, None]) + rng.uniform(0, 6, (count, 1))
    return (np.sin(at) + rng.normal(0, 1, at.shape)).astype(np.float32)[..., None], labels


def rate(moments: list[float]) -> float:
    """Series a second after the warm-up."""
    return BATCH * (len(moments) - WARM_UP) / (moments[-1] - moments[WARM_UP - 1])


def clock(moments: list[float]):
    """A Keras callback that notes when each step ends."""
    import keras

    def note(batch, logs):
        moments.append(time.perf_counter())

    return keras.callbacks.LambdaCallback(on_train_batch_end=note)


def by_convscope(name: str, _: str) -> float:
    from convscope.engine.device import choose_device
    from convscope.engine.training.batches import Batches
    from convscope.engine.training.class_examples import ClassExamples
    from convscope.engine.training.fit import fit
    from convscope.engine.training.settings import FitSettings
    from convscope.kinds.registry import build
    from convscope.kinds.series.classification.representation import SeriesArrays

    def feed(count: int) -> Batches:
        x, labels = series(count)
        return Batches(ClassExamples(SeriesArrays(x), lambda values: values, labels, CLASSES), BATCH)

    moments: list[float] = []
    settings = FitSettings(epochs=1, batch_size=BATCH)
    with tempfile.TemporaryDirectory() as folder:
        fit(
            lambda: build(name, (LENGTH, 1), CLASSES),
            feed(STEPS * BATCH),
            feed(BATCH),
            settings,
            choose_device(settings.precision),
            Path(folder),
            [clock(moments)],
        )
    return rate(moments)


def by_keras(name: str, _: str) -> float:
    import keras

    from convscope.kinds.registry import build

    x, labels = series(STEPS * BATCH)
    model = build(name, (LENGTH, 1), CLASSES)
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    moments: list[float] = []
    targets = keras.utils.to_categorical(labels, CLASSES)
    model.fit(x, targets, batch_size=BATCH, epochs=1, verbose=0, callbacks=[clock(moments)])
    return rate(moments)


def by_torch(name: str, variant: str) -> float:
    import torch

    precision, mode = variant.split("-")
    torch.set_num_threads(os.cpu_count() or 1)
    x, labels = (torch.from_numpy(part) for part in series(STEPS * BATCH))
    x = x.transpose(1, 2).contiguous()
    model = TORCH_MODELS[name](1, CLASSES)
    forward = torch.compile(model) if mode == "compiled" else model
    optimizer = torch.optim.Adam(model.parameters())
    moments = []
    for start in range(0, len(x), BATCH):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            scores = forward(x[start : start + BATCH])
            loss = torch.nn.functional.cross_entropy(scores, labels[start : start + BATCH])
        loss.backward()
        optimizer.step()
        moments.append(time.perf_counter())
    return rate(moments)


def by_aeon(name: str, _: str) -> float:
    from aeon.classification.deep_learning import FCNClassifier, InceptionTimeClassifier

    x, labels = series(STEPS * BATCH)
    moments: list[float] = []
    options = {"n_epochs": 1, "batch_size": BATCH, "callbacks": [clock(moments)], "random_state": 0}
    model = FCNClassifier(**options) if name == "fcn" else InceptionTimeClassifier(n_classifiers=1, **options)
    with tempfile.TemporaryDirectory() as folder:
        model.set_params(file_path=f"{folder}/")
        model.fit(x.transpose(0, 2, 1), labels)
    return rate(moments)


def solve_convscope(name: str, _: str) -> float:
    from convscope.engine.training.settings import FitSettings
    from convscope.kinds.registry import build
    from convscope.kinds.series.recipes import CLOSED_FORM
    from convscope.types import no_progress

    def once(seed: int) -> None:
        x, labels = series(SOLVED, seed)
        model = build(name, (LENGTH, 1), CLASSES)
        given = (x, np.eye(CLASSES, dtype=np.float32)[labels])
        CLOSED_FORM[name].solve(model, given, {}, FitSettings(), no_progress)

    return second_time(once)


def solve_aeon(name: str, _: str) -> float:
    return second_time(lambda seed: fitted_aeon(name, seed))


def answer_convscope(name: str, _: str) -> float:
    return second_time(answering_convscope(name))


def answering_convscope(name: str):
    """What answers for the series of a seed."""
    from convscope.data.encoded import HeldArrays
    from convscope.engine.inference.infer import predict_probabilities
    from convscope.kinds.registry import build

    model = build(name.removesuffix("_answers").removesuffix("_start"), (LENGTH, 1), CLASSES)
    return lambda seed: predict_probabilities(model, HeldArrays(series(SOLVED, seed)[0]), np.asarray)


def answer_aeon(name: str, _: str) -> float:
    model = fitted_aeon(name.removesuffix("_answers"), 2)
    return second_time(lambda seed: model.predict(series(SOLVED, seed)[0].transpose(0, 2, 1)))


def start_convscope(name: str, _: str) -> float:
    start = time.perf_counter()
    answering_convscope(name)(0)
    return SOLVED / (time.perf_counter() - start)


def fitted_aeon(name: str, seed: int):
    from aeon.classification import convolution_based
    from numba import get_num_threads

    x, labels = series(SOLVED, seed)
    model = getattr(convolution_based, AEON[name])(random_state=0, n_jobs=get_num_threads())
    return model.fit(x.transpose(0, 2, 1), labels)


def second_time(once) -> float:
    """Series a second of the second time; what is compiled and kept was compiled in the first."""
    once(0)
    start = time.perf_counter()
    once(1)
    return SOLVED / (time.perf_counter() - start)


TRAINED = {"convscope": by_convscope, "keras": by_keras, "torch": by_torch, "aeon": by_aeon}
WORKERS = {
    "fcn": TRAINED,
    "inception_time": TRAINED,
    "minirocket": {"convscope": solve_convscope, "aeon": solve_aeon},
    "minirocket_answers": {"convscope": answer_convscope, "aeon": answer_aeon},
    "minirocket_start": {"convscope": start_convscope},
    "hydra_multirocket": {"convscope": solve_convscope, "aeon": solve_aeon},
    "hydra_multirocket_answers": {"convscope": answer_convscope, "aeon": answer_aeon},
}


def compare(what: str, contenders: list[tuple[str, str]], rounds: int) -> list[Figure]:
    """All contenders at one thing."""
    rates = medians(
        [" ".join(contender) for contender in contenders],
        lambda name: fresh(__file__, ["--worker", what, *name.split()]),
        rounds,
        "series/s",
        what,
    )
    found = {contender: rates[" ".join(contender)] for contender in contenders}
    figures = [Figure(f"{what}, {' '.join(c)}", value, "series/s") for c, value in found.items()]
    ours = found[contenders[0]]
    target = 1.2 if "rocket" in what else 1.0
    for name in dict.fromkeys(contender[0] for contender in contenders[1:]):
        best = max(value for contender, value in found.items() if contender[0] == name)
        figures.append(Figure(f"{what}, convscope / best of {name}", ours / best, "x", target))
    return figures


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=tuple(WORKERS), nargs="*", default=list(WORKERS))
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    add_arguments(parser)
    given = parser.parse_args()
    if given.worker:
        what, worker, variant = given.worker
        print(WORKERS[what][worker](what, variant))
        return
    variants = [v for v in TORCH if v.endswith("eager")] if given.quick else TORCH
    figures: list[Figure] = []
    for what in given.only:
        peers = [("torch", variant) for variant in variants] if "torch" in WORKERS[what] else []
        others = [(name, "float32") for name in WORKERS[what] if name not in ("convscope", "torch")]
        figures += compare(what, [("convscope", "auto"), *others, *peers], 1 if given.quick else given.rounds)
        write_results(given.json, figures, seeds=[0])
    print_table(figures)


if __name__ == "__main__":
    main()
