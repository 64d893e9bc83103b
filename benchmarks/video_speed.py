"""Clips a second, decoded and trained, beside a PyTorch loop with PyAV on the same network.

    python benchmarks/video_speed.py --data FOLDER [--epochs 6] [--rounds 2] [--json FILE] [--quick]

FOLDER is `weizmann` with `ACTION/PERSON_ACTION.avi`. Both take the same clips on the same grid of time and
pixels, that of the representation that a training chooses, and learn the network of `temporal_shift` with its
defaults, with Adam. Each contender is a process of its own; of the rounds the best counts.

- *decoded*: clips from files to uint8 frames. convscope: what its batches are made of, in its threads.
  PyTorch: `DataLoader` with a worker for each core, each decoding with PyAV all frames of a clip and choosing
  and resizing in the same way.
- *trained*: clips of all epochs by the time from the start of the first one to the end of the last one.
  convscope: `convscope.train` with all that it does for each epoch: random windows, shifts, turns, speed and
  contrast, averaged weights, validation and checkpoints. PyTorch: eager, decoded clips kept in memory after
  the first epoch, random windows and mirror images alone, no validation; float32 and bfloat16, channels last,
  the faster of them is the target.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from results import Figure, add_arguments, print_table, write_results

CONTENDERS = ("convscope", "torch float32", "torch bfloat16")
BATCH, WIDTH, STAGES = 16, 24, 3


def grid(data: Path) -> tuple[Any, Any, list[int]]:
    """Clips of all persons, the representation that fits them, and their classes."""
    from convscope.data.splits import Split
    from convscope.kinds.video.readers.inputs import read_inputs
    from convscope.kinds.video.representation import fit_representation

    clips = read_inputs([str(data)])
    names = sorted({Path(clips.name(at)).parent.name for at in range(len(clips))})
    labels = [names.index(Path(clips.name(at)).parent.name) for at in range(len(clips))]
    made, _ = fit_representation(Split(clips, np.zeros(len(clips), np.int64)))
    return clips, made, labels


def with_convscope(given: argparse.Namespace) -> dict[str, float]:
    """Clips a second of convscope."""
    clips, made, _ = grid(given.data)
    store, rows = made.encode(clips), np.arange(len(clips))
    start = time.perf_counter()
    for first in range(0, len(rows), BATCH):
        store.take(rows[first : first + BATCH])
    decoded = len(clips) / (time.perf_counter() - start)
    from convscope import api

    with tempfile.TemporaryDirectory() as folder:
        run = api.train(
            given.data,
            recipe="video-classification",
            out=Path(folder) / "run",
            epochs=given.epochs,
            batch_size=BATCH,
            group=r"(\w+?)_\w+\.avi",
            say=lambda line: None,
        )
        record = run.record()
        with (run.folder / "splits.csv").open(encoding="utf-8", newline="") as file:
            learned = sum("train" in row for row in csv.reader(file))
    return {"decoded": decoded, "trained": learned * given.epochs / record["training_seconds"]}


class Shift:
    """The shift of an eighth of the channels either way, over frames of (clips * frames, ...)."""

    def __init__(self, frames: int) -> None:
        self.frames = frames

    def __call__(self, x: Any) -> Any:
        """Values of the same shape."""
        import torch

        clips, part = x.reshape(-1, self.frames, *x.shape[1:]), x.shape[1] // 8
        later = torch.nn.functional.pad(clips[:, :-1, :part], (0, 0, 0, 0, 0, 0, 1, 0))
        sooner = torch.nn.functional.pad(clips[:, 1:, part : 2 * part], (0, 0, 0, 0, 0, 0, 0, 1))
        return torch.cat([later, sooner, clips[:, :, 2 * part :]], dim=2).reshape(x.shape)


def network(frames: int, classes: int) -> Any:
    """The layers of `temporal_shift` in PyTorch: 2-D convolutions over single frames."""
    import torch
    from torch import nn

    shift = Shift(frames)

    def conv(into: int, out: int, size: int, stride: int) -> Any:
        layer = nn.Conv2d(into, out, size, stride, size // 2, bias=False)
        return nn.Sequential(layer, nn.BatchNorm2d(out))

    class Block(nn.Module):
        def __init__(self, into: int, out: int, stride: int) -> None:
            super().__init__()
            self.one, self.two = conv(into, out, 3, stride), conv(out, out, 3, 1)
            beside = [nn.AvgPool2d(stride, ceil_mode=True)] if stride > 1 else []
            self.beside = nn.Sequential(*beside, *([conv(into, out, 1, 1)] if into != out else []))

        def forward(self, x: Any) -> Any:
            y = self.two(torch.relu(self.one(shift(x))))
            return torch.relu(y + self.beside(x))

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Sequential(conv(2, WIDTH, 5, 2), nn.ReLU(), nn.MaxPool2d(2))
            sides = [(WIDTH * 2 ** max(stage - 1, 0), WIDTH * 2**stage) for stage in range(STAGES)]
            self.blocks = nn.Sequential(*(Block(*each, 2 if at else 1) for at, each in enumerate(sides)))
            self.head = nn.Sequential(nn.Dropout(0.4), nn.Linear(WIDTH * 2 ** (STAGES - 1), classes))

        def forward(self, clips: Any) -> Any:
            changes = torch.diff(clips, dim=1, prepend=clips[:, :1])
            x = torch.stack([clips, changes], dim=2).flatten(0, 1)
            x = x.contiguous(memory_format=torch.channels_last)
            x = self.blocks(self.stem(x)).mean(dim=(2, 3))
            return self.head(x.reshape(len(clips), frames, -1).mean(dim=1))

    return Network()


def decoded_by_pyav(path: Path, times: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The frames on the screen at some times, gray, as a loop over all frames of a film finds them."""
    import av

    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        frames = [(float(frame.time or 0), frame) for frame in film.decode(stream)]
    stamps = np.array([when for when, _ in frames]) - frames[0][0]
    places = np.clip(np.searchsorted(stamps, times + 1e-6, "right") - 1, 0, len(frames) - 1)
    made = [
        frames[place][1].reformat(size[1], size[0], "gray", interpolation="AREA").to_ndarray()
        for place in places.tolist()
    ]
    return np.stack(made)


class Films:
    """A data set of PyTorch: decoded clips, as many frames each as the longest one, and their number."""

    def __init__(self, clips: Any, made: Any) -> None:
        self.paths = [Path(clips.name(at)) for at in range(len(clips))]
        self.times = [made.times(clips.load(at).seconds) for at in range(len(clips))]
        self.size, self.room, self.fewest = made.size, made.room, made.frames

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, at: int) -> tuple[np.ndarray, int]:
        frames = decoded_by_pyav(self.paths[at], self.times[at], self.size)
        count = max(len(frames), self.fewest)
        return frames[np.minimum(np.arange(self.room), len(frames) - 1)], count


def with_torch(given: argparse.Namespace, bfloat: bool) -> dict[str, float]:
    """Clips a second of PyTorch."""
    import torch
    from torch.utils.data import DataLoader

    torch.manual_seed(0)
    clips, made, labels = grid(given.data)
    cores = os.cpu_count() or 1
    start = time.perf_counter()
    parts = list(DataLoader(Films(clips, made), BATCH, num_workers=cores))
    spent = time.perf_counter() - start
    frames = torch.cat([part for part, _ in parts]).float()
    counts = torch.cat([count for _, count in parts]).numpy()
    frames = (frames - frames.median(dim=1, keepdim=True).values) / 64
    truth = torch.tensor(labels)
    model = network(made.frames, len(set(labels))).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3, weight_decay=0.05)
    rng = np.random.default_rng(0)
    began = time.perf_counter()
    for _ in range(given.epochs):
        order = rng.permutation(len(truth))
        for first in range(0, len(order), BATCH):
            rows = order[first : first + BATCH]
            starts = [int(rng.integers(0, counts[row] - made.frames + 1)) for row in rows]
            windows = [frames[row, at : at + made.frames] for row, at in zip(rows, starts, strict=True)]
            batch = torch.stack([each.flip(-1) if rng.random() < 0.5 else each for each in windows])
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat):
                loss = torch.nn.functional.cross_entropy(model(batch).float(), truth[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    learned = given.epochs * len(truth) / (spent + time.perf_counter() - began)
    return {"decoded": len(truth) / spent, "trained": learned}


def measured(given: argparse.Namespace, contender: str) -> dict[str, float]:
    """The best of the rounds of one contender, each in a process of its own."""
    best: dict[str, float] = {}
    command = [sys.executable, __file__, "--data", str(given.data), "--epochs", str(given.epochs)]
    for _ in range(given.rounds):
        done = subprocess.run([*command, "--only", contender], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{contender} failed:\n{done.stderr[-2000:]}")
        found = json.loads(done.stdout.splitlines()[-1])
        best = {name: max(value, best.get(name, 0.0)) for name, value in found.items()}
        print(f"{contender}: {found}", flush=True)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", choices=CONTENDERS)
    given = parser.parse_args()
    if given.only:
        found = (
            with_convscope(given)
            if given.only == CONTENDERS[0]
            else with_torch(given, given.only.endswith("bfloat16"))
        )
        print(json.dumps(found))
        return
    if given.quick:
        given.epochs, given.rounds = 2, 1
    rates = {contender: measured(given, contender) for contender in CONTENDERS}
    figures = []
    for what in ("decoded", "trained"):
        best = max(rates[name][what] for name in CONTENDERS[1:])
        for name in CONTENDERS:
            target = best if name == CONTENDERS[0] else None
            figures.append(Figure(f"clips {what}, {name}", rates[name][what], "clips/s", target))
    print_table(figures)
    write_results(given.json, figures, [0])


if __name__ == "__main__":
    main()
