"""Features per second on a CPU: the last convolution, pooled by mean, of both reference models and ResNet50.

Contenders compute the same layers in a process of their own, from decoded arrays (uint8 for convscope, which
scales them itself; float32, scaled beforehand, for all others) and from JPEG files that the script writes.
Each is given the best of several batch sizes. Keras is `predict` of the model cut behind the layer; PyTorch
is eager and compiled, float32 and bfloat16 (autocast), channels last; ONNX Runtime has the cut model;
`timm-style` is its loop: a DataLoader with two workers, autocast, `forward_features`. Decoding alone is what
threads and what two processes reach; `convscope bfloat16+1` reads in one process beside the other. A process
reports the median of its passes; contenders take turns (see `turns.py`), and the median of the rounds is
reported.

    python benchmarks/extract_speed.py [--rounds 3] [--models MODEL ...] [--json FILE] [--quick]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from extract_pictures import FILES, MODELS, names_in, pictures, write_files
from results import Figure, add_arguments, print_table, write_results
from turns import fresh, medians

BATCHES = {"compact_cnn": (16, 64, 256), "deep_cnn": (16, 64, 256), "resnet50": (4, 16, 32)}
SECONDS = 4.0
STARTING = 3.0
"""Seconds that a pass takes at least where a process has to start for it."""
ARRAY_CONTENDERS = [
    "convscope bfloat16",
    "convscope float32",
    "keras float32",
    "onnxruntime float32",
    *(f"torch {mode}-{precision}" for mode in ("eager", "compiled") for precision in ("float32", "bfloat16")),
    "timm-style bfloat16",
]
FILE_CONTENDERS = [
    "decoding threads",
    "decoding processes",
    "convscope bfloat16",
    "convscope bfloat16+1",
    "convscope float32",
    "keras float32",
    "timm-style bfloat16",
]


def speed(compute, count: int) -> float:
    """Samples per second of the median pass, after a warm-up."""
    compute()
    times: list[float] = []
    while sum(times) < SECONDS or len(times) < 3:
        started = time.perf_counter()
        compute()
        times.append(time.perf_counter() - started)
    return count / statistics.median(times)


def fastest_batch(model: str, compute, count: int) -> float:
    """The best batch size's speed; `compute` takes a batch size and how many samples to run."""
    tried = {}
    for batch in BATCHES[model]:
        compute(batch, batch)
        started = time.perf_counter()
        compute(batch, count // 4)
        tried[batch] = time.perf_counter() - started
    best = min(tried, key=tried.get)
    return speed(lambda: compute(best, count), count)


def keras_model(model: str):
    """The whole model, weights drawn with one seed, and the layer."""
    import keras

    from convscope.kinds.registry import build

    keras.utils.set_random_seed(0)
    shape, _, layer = MODELS[model]
    whole = keras.applications.ResNet50(weights=None) if model == "resnet50" else build(model, shape, 7)
    return whole, layer


def cut_model(model: str):
    """The model up to the layer, pooled by mean."""
    import keras

    whole, layer = keras_model(model)
    cut = keras.Model(whole.inputs, keras.ops.mean(whole.get_layer(layer).output, axis=(1, 2)))
    cut(np.zeros((1, *MODELS[model][0]), np.float32))  # an export wants a model that has been called
    return cut


def run_convscope(model: str, precision: str, files: str) -> float:
    from convscope.data.encoded import HeldArrays
    from convscope.engine.inference.features import feature_engine
    from convscope.features.processes import batches_of
    from convscope.kinds.image.readers.sources import unscanned_files
    from convscope.kinds.image.representation import ImageRepresentation
    from convscope.workflows.model_inputs.encoded_inputs import EncodedInputs

    precision, _, processes = precision.partition("+")
    whole, layer = keras_model(model)
    represent = ImageRepresentation(*MODELS[model][0])
    inputs = HeldArrays(pictures(model))
    if files:
        source = unscanned_files(files, names_in(files))
        inputs = EncodedInputs((source,), represent)
    engine = feature_engine(
        whole,
        [layer],
        "mean",
        inputs.take(np.arange(32)),
        prepare=represent.to_inputs,
        scaling=(1 / 255, 0.0),
        precision=precision,
        predictions=False,
    )
    size = engine.report.batch_size
    cuts = [np.arange(start, min(start + size, len(inputs))) for start in range(0, len(inputs), size)]

    rate = max(tried.samples_per_second for tried in engine.report.rates)
    times = max(1, round(STARTING * rate / len(inputs))) if processes else 1

    def compute():
        for _ in engine.run(batches_of(inputs, cuts * times, int(processes or 0))):
            pass

    return speed(compute, times * len(inputs))


def run_keras(model: str, _: str, files: str) -> float:
    import keras

    cut = cut_model(model)
    if files:
        shape = MODELS[model][0]
        read = keras.utils.image_dataset_from_directory(
            Path(files).parent,
            labels=None,
            color_mode="grayscale" if shape[2] == 1 else "rgb",
            batch_size=64,
            image_size=shape[:2],
            shuffle=False,
            verbose=False,
        )
        scaled = read.map(lambda x: x / 255, num_parallel_calls=os.cpu_count()).prefetch(4)
        return speed(lambda: cut.predict(scaled, verbose=0), FILES[model])
    x = pictures(model).astype(np.float32) / 255
    return fastest_batch(model, lambda size, stop: cut.predict(x[:stop], batch_size=size, verbose=0), len(x))


def run_onnxruntime(model: str, *_: str) -> float:
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/cut.onnx"
        cut_model(model).export(path, format="onnx", verbose=False)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    x = pictures(model).astype(np.float32) / 255

    def compute(batch: int, stop: int) -> None:
        for start in range(0, stop, batch):
            session.run(None, {name: x[start : start + batch]})

    return fastest_batch(model, compute, len(x))


def run_torch(model: str, variant: str, _: str) -> float:
    import torch
    from extract_peers import network

    mode, precision = variant.split("-")
    torch.set_num_threads(os.cpu_count() or 1)
    plain = network(model)
    forward = torch.compile(plain, dynamic=False) if mode == "compiled" else plain
    x = torch.from_numpy(pictures(model)).permute(0, 3, 1, 2).float().div(255)
    x = x.contiguous(memory_format=torch.channels_last)

    def compute(batch: int, stop: int) -> None:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            for part in x[:stop].split(batch):
                forward(part).float().numpy()

    return fastest_batch(model, compute, len(x))


def run_timm(model: str, _: str, files: str) -> float:
    import torch
    from extract_peers import network
    from PIL import Image

    paths = sorted(Path(files).iterdir()) if files else []
    decoded = pictures(model)

    class Pictures(torch.utils.data.Dataset):
        def __len__(self):
            return len(paths) or len(decoded)

        def __getitem__(self, index):
            if paths:
                with Image.open(paths[index]) as picture:
                    array = np.asarray(picture)
                array = array.reshape(MODELS[model][0])
            else:
                array = decoded[index]
            return torch.from_numpy(array.transpose(2, 0, 1).astype(np.float32) / 255)

    plain = network(model)
    loader = torch.utils.data.DataLoader(
        Pictures(), BATCHES[model][-1], num_workers=2, persistent_workers=True
    )

    def compute():
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            for part in loader:
                maps = plain.forward_features(part.contiguous(memory_format=torch.channels_last))
                maps.mean((2, 3)).float().numpy()

    return speed(compute, len(paths) or len(decoded))


def run_decoding(model: str, way: str, files: str) -> float:
    from multiprocessing import get_context

    from convscope.data.encoded import LazyArrays
    from convscope.kinds.image.readers.sources import unscanned_files
    from convscope.kinds.image.representation import ImageRepresentation

    represent = ImageRepresentation(*MODELS[model][0])
    names = names_in(files)
    parts = [names[start : start + 256] for start in range(0, len(names), 256)]
    if way == "threads":
        lazy = LazyArrays(
            unscanned_files(files, names),
            lambda image: represent.to_pixels([image])[0],
            represent.shape,
            np.uint8,
        )

        def compute():
            for start in range(0, len(names), 256):
                lazy.take(np.arange(start, min(start + 256, len(names))))

        return speed(compute, len(names))
    with get_context("fork").Pool(2) as pool:
        tasks = [(files, part, represent) for part in parts]
        return speed(lambda: sum(pool.imap_unordered(decoded_count, tasks)), len(names))


def decoded_count(task) -> int:
    """Decodes some files in this process alone; what they become stays here."""
    from convscope.kinds.image.readers.sources import unscanned_files

    folder, names, represent = task
    source = unscanned_files(folder, names)
    return len(represent.to_pixels([source.load(index) for index in range(len(names))]))


def run_cosine(model: str, precision: str, _: str) -> float:
    """Smallest cosine of a picture's features to those of Keras' `predict`."""
    from convscope.engine.inference.features import feature_engine
    from convscope.kinds.image.representation import ImageRepresentation

    whole, layer = keras_model(model)
    few = pictures(model)[:128]
    scale = ImageRepresentation.to_inputs
    engine = feature_engine(
        whole, [layer], "mean", few[:8], prepare=scale, scaling=(1 / 255, 0.0), precision=precision
    )
    found = next(engine.run(iter([few])))[0][layer].astype(np.float64)
    expected = cut_model(model).predict(scale(few), verbose=0).astype(np.float64)
    return float(
        ((found * expected).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)).min()
    )


WORKERS = {
    "convscope": run_convscope,
    "keras": run_keras,
    "onnxruntime": run_onnxruntime,
    "torch": run_torch,
    "timm-style": run_timm,
    "decoding": run_decoding,
    "cosine": run_cosine,
}


def measure(model: str, contender: str, files: str = "") -> float:
    """The figure of one contender in a fresh process."""
    return fresh(__file__, ["--worker", model, *contender.split(), files])


def from_arrays(model: str, contenders: list[str], rounds: int) -> list[Figure]:
    """All speeds from decoded arrays, and how convscope compares."""
    found = medians(contenders, partial(measure, model), rounds, "images/s", f"{model} from arrays")
    peers = {name: value for name, value in found.items() if not name.startswith("convscope")}
    wide = max(value for name, value in peers.items() if "float32" in name)
    ours, ours_wide = found["convscope bfloat16"], found["convscope float32"]
    others = max(value for name, value in peers.items() if name != "keras float32")
    name = f"{model} from arrays"
    return [
        *(Figure(f"{name}, {contender}", value, "images/s") for contender, value in found.items()),
        Figure(f"{name}, bfloat16 / Keras predict", ours / found["keras float32"], "x", 6.0),
        Figure(f"{name}, bfloat16 / best other", ours / others, "x", 1.4),
        Figure(f"{name}, float32 / best other in float32", ours_wide / wide, "x", 1.1),
    ]


def from_files(
    model: str, contenders: list[str], rounds: int, folder: Path, arrays: list[Figure]
) -> list[Figure]:
    """All speeds from JPEG files, and how near convscope comes to decoding alone.

    Both parts share the cores, so that at best their times add up; where decoding takes most of the time,
    that is the speed of decoding.
    """
    write_files(folder, model)
    files = str(folder / model / "all")
    measured = partial(measure, model, files=files)
    found = medians(contenders, measured, rounds, "images/s", f"{model} from files")
    ours = max(found["convscope bfloat16"], found["convscope bfloat16+1"])
    computing = next(figure.value for figure in arrays if figure.name.endswith("convscope bfloat16"))
    decoding = max(found["decoding threads"], found["decoding processes"])
    name = f"{model} from files"
    target = 0.85 if decoding < computing else None
    return [
        *(Figure(f"{name}, {contender}", value, "images/s") for contender, value in found.items()),
        Figure(f"{name}, bfloat16 / decoding alone", ours / decoding, "x", target),
        Figure(
            f"{name}, bfloat16 / decoding and computing", ours * (1 / decoding + 1 / computing), "x", 0.85
        ),
    ]


def closeness(model: str) -> list[Figure]:
    """Smallest cosines to Keras."""
    return [
        Figure(f"{model}, smallest cosine in {precision}", measure(model, f"cosine {precision}"), "", least)
        for precision, least in (("bfloat16", 0.999), ("float32", 0.9999))
    ]


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--worker", nargs=4, help=argparse.SUPPRESS)
    add_arguments(parser)
    arguments = parser.parse_args()
    if arguments.worker:
        model, worker, variant, files = arguments.worker
        print(WORKERS[worker](model, variant, files))
        return
    rounds = 1 if arguments.quick else arguments.rounds
    contenders = [name for name in ARRAY_CONTENDERS if not (arguments.quick and "compiled" in name)]
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        for model in arguments.models:
            arrays = from_arrays(model, contenders, rounds)
            figures += arrays
            figures += from_files(model, FILE_CONTENDERS, rounds, Path(folder), arrays)
            figures += closeness(model)
            write_results(arguments.json, figures, seeds=[0])
    print_table(figures)


if __name__ == "__main__":
    main()
