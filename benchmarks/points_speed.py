"""Clouds a second, trained and predicted, beside PyTorch on the same network with the same parameters.

    python benchmarks/points_speed.py [--clouds 2000] [--points 256] [--epochs 6] [--json FILE] [--quick]

Both learn the network of `pointnext_s` with its defaults from made clouds of ten classes, and both have them
in memory; what is read and encoded before is not counted. Each contender is a process of its own; of the
rounds the best counts. PyTorch is measured in float32 and bfloat16, each eager and compiled: the fastest of
the four is the target. A form that PyTorch cannot compile here is left out, and that is said.

- *trained*: clouds of all epochs by the time of the training. convscope: `convscope.train` with all that it
  does: turns, sizes and other random changes, averaged weights, validation, checkpoints and reports. PyTorch:
  batches of the same size with AdamW, and nothing besides.
- *predicted*: all clouds in batches through the trained network.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from results import Figure, add_arguments, print_table, write_results

OURS = "convscope"
PEERS = ("torch float32", "torch bfloat16", "torch compiled float32", "torch compiled bfloat16")
BATCH, CLASSES = 32, 10
WIDTH, STAGES, NEAR, WIDER, FEWEST = 16, 4, 16, 4, 16


def clouds(given: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Boxes of other proportions for each class, shape (clouds, points, 3), and their classes."""
    rng = np.random.default_rng(0)
    labels = np.arange(given.clouds) % CLASSES
    sides = np.random.default_rng(1).uniform(0.2, 1.0, (CLASSES, 3))
    inside = rng.uniform(-1, 1, (given.clouds, given.points, 3))
    face = rng.integers(0, 3, (given.clouds, given.points, 1))
    np.put_along_axis(inside, face, np.sign(np.take_along_axis(inside, face, 2)), 2)
    return (inside * sides[labels][:, None]).astype(np.float32), labels


def with_convscope(given: argparse.Namespace) -> dict[str, float]:
    """Clouds a second of convscope, and the parameters that are learned."""
    import keras

    from convscope import api
    from convscope.engine.inference.infer import predict_batches

    values, labels = clouds(given)
    with tempfile.TemporaryDirectory() as folder:
        for at, (cloud, label) in enumerate(zip(values, labels, strict=True)):
            place = Path(folder) / "data" / f"class{label}" / f"{at:05d}.npy"
            place.parent.mkdir(parents=True, exist_ok=True)
            np.save(place, cloud)
        run = api.train(
            Path(folder) / "data",
            recipe="points-classification",
            architecture="pointnext_s",
            out=Path(folder) / "run",
            points=given.points,
            epochs=given.epochs,
            batch_size=BATCH,
            say=lambda line: None,
        )
        learned = sum("train" in line for line in (run.folder / "splits.csv").read_text().splitlines())
        trained = learned * given.epochs / run.record()["training_seconds"]
        model = keras.models.load_model(run.model_path)
        batches = [values[at : at + BATCH] for at in range(0, len(values) - BATCH + 1, BATCH)]
        list(predict_batches(model, batches[:2]))
        start = time.perf_counter()
        count = sum(len(found[0]) for found in predict_batches(model, batches))
        predicted = count / (time.perf_counter() - start)
        parameters = sum(int(np.prod(each.shape)) for each in model.trainable_weights)
    return {"trained": trained, "predicted": predicted, "parameters": parameters}


def network(points: int) -> Any:
    """The layers of `pointnext_s` in PyTorch; batches of (clouds, points, 3) to (clouds, classes)."""
    import torch
    from torch import nn

    class Normalized(nn.Module):
        """A dense layer of each point, or of each cloud, batch normalization and perhaps a ReLU."""

        def __init__(self, into: int, out: int, relu: bool = True) -> None:
            super().__init__()
            self.dense, self.relu = nn.Linear(into, out, bias=False), relu
            self.norm = nn.BatchNorm1d(out, eps=1e-3)

        def forward(self, x: Any) -> Any:
            return self.after(self.dense(x))

        def after(self, y: Any) -> Any:
            y = self.norm(y.reshape(-1, y.shape[-1])).reshape(y.shape)
            return torch.relu(y) if self.relu else y

    class Stage(nn.Module):
        """Fewer points, each with the largest response to the points near it, and a bottleneck."""

        def __init__(self, points: int, into: int, out: int) -> None:
            super().__init__()
            self.points, self.conv = points, Normalized(3 + into, out)
            self.expand, self.reduce = Normalized(out, out * WIDER), Normalized(out * WIDER, out, relu=False)

        def forward(self, x: Any, places: Any) -> tuple[Any, Any]:
            kept = places[:, : self.points]
            with torch.no_grad():
                table = torch.cdist(kept, places).topk(NEAR, largest=False).indices
            kernel = self.conv.dense
            products = kernel(torch.cat([places, x], dim=-1))
            rows = torch.arange(len(x), device=x.device)[:, None, None]
            found = products[rows, table].amax(dim=2)
            found = found - torch.nn.functional.linear(kept, kernel.weight[:, :3])
            x = self.conv.after(found)
            return torch.relu(x + self.reduce(self.expand(x))), kept

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = Normalized(3, WIDTH)
            sizes = [max(min(FEWEST, points), points // 2 ** (stage + 1)) for stage in range(STAGES)]
            wide = [WIDTH * 2**stage for stage in range(STAGES + 1)]
            self.stages = nn.ModuleList(map(Stage, sizes, wide[:-1], wide[1:]))
            self.head, self.dense = Normalized(3 + wide[-1], 2 * wide[-1]), Normalized(2 * wide[-1], 256)
            self.answer = nn.Sequential(nn.Dropout(0.4), nn.Linear(256, CLASSES))

        def forward(self, clouds: Any) -> Any:
            x, places = self.stem(clouds), clouds
            for stage in self.stages:
                x, places = stage(x, places)
            x = self.head(torch.cat([places, x], dim=-1)).amax(dim=1)
            return self.answer(self.dense(x))

    return Network()


def with_torch(given: argparse.Namespace, contender: str) -> dict[str, float]:
    """Clouds a second of PyTorch, and the parameters that are learned."""
    import torch

    torch.manual_seed(0)
    values, labels = clouds(given)
    every, truth = torch.from_numpy(values), torch.from_numpy(labels)
    made = network(given.points)
    model = torch.compile(made) if "compiled" in contender else made
    narrow = contender.endswith("bfloat16")
    optimizer = torch.optim.AdamW(made.parameters(), 2e-3, weight_decay=0.05)

    def step(rows: Any) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=narrow):
            answers = model(every[rows]).float()
        loss = torch.nn.functional.cross_entropy(answers, truth[rows], label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    step(torch.arange(BATCH))
    start, count = time.perf_counter(), 0
    for _ in range(given.epochs):
        order = torch.randperm(len(truth))
        for first in range(0, len(order) - BATCH + 1, BATCH):
            step(order[first : first + BATCH])
            count += BATCH
    trained = count / (time.perf_counter() - start)
    model.eval()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=narrow):
        model(every[:BATCH])
        start, count = time.perf_counter(), 0
        for first in range(0, len(every) - BATCH + 1, BATCH):
            model(every[first : first + BATCH])
            count += BATCH
        predicted = count / (time.perf_counter() - start)
    parameters = sum(each.numel() for each in made.parameters())
    return {"trained": trained, "predicted": predicted, "parameters": parameters}


def measured(given: argparse.Namespace, contender: str) -> dict[str, float] | None:
    """The best of the rounds of one contender, each in a process of its own; None where it cannot run."""
    best: dict[str, float] = {}
    size = ["--clouds", str(given.clouds), "--points", str(given.points), "--epochs", str(given.epochs)]
    for _ in range(given.rounds):
        command = [sys.executable, __file__, *size, "--only", contender]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode and "compiled" in contender:
            print(
                f"{contender}: left out, {(done.stderr.strip().splitlines() or [''])[-1][:160]}", flush=True
            )
            return None
        if done.returncode:
            raise SystemExit(f"{contender} failed:\n{done.stderr[-2000:]}")
        found = json.loads(done.stdout.splitlines()[-1])
        best = {name: max(value, best.get(name, 0.0)) for name, value in found.items()}
        print(f"{contender}: {found}", flush=True)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--clouds", type=int, default=2000)
    parser.add_argument("--points", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", choices=(OURS, *PEERS))
    given = parser.parse_args()
    if given.only:
        print(json.dumps(with_convscope(given) if given.only == OURS else with_torch(given, given.only)))
        return
    if given.quick:
        given.clouds, given.epochs, given.rounds = min(given.clouds, 640), 2, 1
    rates = {name: found for name in (OURS, *PEERS) if (found := measured(given, name)) is not None}
    counts = {int(each["parameters"]) for each in rates.values()}
    if len(counts) > 1:
        raise SystemExit(f"the networks differ: {counts} parameters")
    figures = [Figure("parameters of each network", counts.pop(), "parameters")]
    for what in ("trained", "predicted"):
        best = max(found[what] for name, found in rates.items() if name != OURS)
        for name, found in rates.items():
            figures.append(
                Figure(f"clouds {what}, {name}", found[what], "clouds/s", best if name == OURS else None)
            )
    print_table(figures)
    write_results(given.json, figures, [0])


if __name__ == "__main__":
    main()
