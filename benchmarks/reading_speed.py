"""Pictures in files to batches of a training: convscope, Keras and PyTorch, files per second.

200,000 JPEG files of 48x48, gray, in two class folders, are written once. Each contender, in a process of
its own and in turns, goes from the folder to the batches of one epoch, shuffled, as floats from 0 to 1, and
trains nothing. convscope's way is that of `train`: all files are first read for damage, sizes and duplicates,
which the others do not do, and only then the epoch begins; the second epoch of each shows what a longer
training pays. Keras is `image_dataset_from_directory`, with prefetching; PyTorch a `DataLoader` of two
workers over a `Dataset` that opens files with Pillow.

    python benchmarks/reading_speed.py [--files 200000] [--rounds 3] [--json FILE] [--quick]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from results import Figure, add_arguments, print_table, write_results
from train_memory import write_pictures
from turns import fresh, medians

BATCH = 64
EPOCHS = ("first", "second")
CONTENDERS = ("convscope", "keras", "torch")


def of_convscope(folder: Path) -> Iterator[np.ndarray]:
    """Batches without end."""
    from convscope.data.encoded import HeldArrays, LazyArrays
    from convscope.engine.training.batches import Batches, Prefetched
    from convscope.engine.training.class_examples import ClassExamples
    from convscope.kinds.image.readers.reader import read_images
    from convscope.kinds.image.representation import ImageRepresentation

    train = read_images(folder).train
    represent, _ = ImageRepresentation.fit(train)
    arrays: HeldArrays | LazyArrays = represent.encode(train.samples)
    examples = ClassExamples(arrays, represent.to_inputs, train.labels, 2)
    yield len(examples)
    for inputs, _ in Prefetched(Batches(examples, BATCH).shuffled(0)):
        yield len(inputs)


def of_keras(folder: Path) -> Iterator[int]:
    """Batches without end."""
    import keras
    import tensorflow as tf

    data = keras.utils.image_dataset_from_directory(
        folder, color_mode="grayscale", image_size=(48, 48), batch_size=BATCH, seed=0, verbose=False
    )
    count = len(data.file_paths)
    yield count
    scaled = data.map(lambda pictures, labels: (pictures / 255, labels), tf.data.AUTOTUNE)
    for inputs, _ in scaled.repeat().prefetch(tf.data.AUTOTUNE):
        yield inputs.shape[0]


class Files:
    """Pictures by Pillow, as a PyTorch `Dataset` has them."""

    def __init__(self, folder: Path) -> None:
        self._paths = [
            (str(path), at) for at, each in enumerate(sorted(folder.iterdir())) for path in each.iterdir()
        ]

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int):
        import torch
        from PIL import Image

        path, label = self._paths[index]
        with Image.open(path) as picture:
            pixels = np.array(picture)
        return torch.from_numpy(pixels)[None].float() / 255, label


def of_torch(folder: Path) -> Iterator[int]:
    """Batches without end."""
    from torch.utils.data import DataLoader

    files = Files(folder)
    yield len(files)
    while True:
        for inputs, _ in DataLoader(files, BATCH, shuffle=True, num_workers=2):
            yield len(inputs)


BATCHES: dict[str, Callable[[Path], Iterator[int]]] = {
    "convscope": of_convscope,
    "keras": of_keras,
    "torch": of_torch,
}


def measure(contender: str, folder: Path, epoch: str) -> None:
    """Prints files per second, from the start of the work to the end of an epoch, or of the second alone."""
    began = time.perf_counter()
    batches = BATCHES[contender](folder)
    count = next(batches)
    for number in EPOCHS:
        seen = 0
        while seen < count:
            seen += next(batches)
        seconds = time.perf_counter() - began
        if number == epoch:
            break
        began = time.perf_counter()
    print(count / seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    add_arguments(parser)
    given = parser.parse_args()
    if given.worker:
        contender, folder, epoch = given.worker
        measure(contender, Path(folder), epoch)
        return
    count, rounds = (10_000, 1) if given.quick else (given.files, given.rounds)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as place:
        write_pictures(Path(place) / "pictures", count)
        for epoch in EPOCHS:
            rates = medians(
                CONTENDERS,
                lambda name, epoch=epoch: fresh(__file__, ["--worker", name, f"{place}/pictures", epoch]),
                rounds,
                "files/s",
                f"{epoch} epoch,",
            )
            ours, best = rates.pop("convscope"), max(rates.values())
            figures += [
                Figure(f"{count:,} files, {epoch} epoch, {name}", rate, "files/s")
                for name, rate in rates.items()
            ]
            figures += [
                Figure(f"{count:,} files, {epoch} epoch, convscope", ours, "files/s"),
                Figure(f"{count:,} files, {epoch} epoch, convscope / best other", ours / best, "x", 1.0),
            ]
            write_results(given.json, figures, seeds=[0])
    print_table(figures)


if __name__ == "__main__":
    main()
