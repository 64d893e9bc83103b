"""Speed of predictions of a 3-D U-Net, beside the same network in PyTorch and MONAI's sliding windows.

    python benchmarks/volume_speed.py [--monai PYTHON] [--rounds 3] [--json FILE] [--quick]

The network is that of `volume-segmentation` with its defaults, of 3 classes and windows of 48x64x48 voxels,
with random weights that all contenders share; its layers are translated to PyTorch one by one, and outputs
are compared before anything is timed. Figures are volumes a second, from arrays in memory to probabilities of
every voxel, the best of the rounds; each contender is a process of its own.

- *one window*: volumes of the size of the window. convscope: what `predict` runs, in the precision that a
  training chooses by itself, and in float32. PyTorch: eager and compiled, float32 and bfloat16, with channels
  first or last in memory, one volume or three at a time; its best setting is the target.
- *windows*: volumes of twice the size along each axis, in windows that overlap by half, blended with
  Gaussian weights. MONAI: `sliding_window_inference` with the same windows, overlap and weights, over the
  network in each setting of PyTorch; its best one is the target.

`PYTHON` is an interpreter that has MONAI, which the one of this project need not have.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from results import Figure, add_arguments, print_table, write_results

WINDOW, CLASSES = (48, 64, 48), 3
QUICK_WINDOW = (24, 32, 24)
ONE, SEVERAL = "one window", "windows"
OVERLAP, SIGMA = 0.5, 0.125
AT_ONCE = (1, 3)
CLOSE = 1e-3
"""Largest difference of probabilities in float32."""
Network = Any


def window_of(given: argparse.Namespace) -> tuple[int, ...]:
    return QUICK_WINDOW if given.quick else WINDOW


def volumes(given: argparse.Namespace, what: str) -> list[np.ndarray]:
    """Noise, (x, y, z, 1)."""
    rng, sides = np.random.default_rng(0), window_of(given)
    if what == SEVERAL:
        sides = tuple(2 * side for side in sides)
    count = {ONE: 3 if given.quick else 9, SEVERAL: 1}[what]
    return [rng.normal(size=(*sides, 1)).astype(np.float32) for _ in range(count)]


def best_rate(run: Callable[[], None], count: int, rounds: int) -> float:
    """Volumes a second of the fastest round, after one that warms up."""
    run()
    seconds = []
    for _ in range(rounds):
        begun = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begun)
    return count / min(seconds)


def by_convscope(given: argparse.Namespace) -> Iterator[tuple[str, float]]:
    """Writes the network and some of its outputs; volumes a second by part and precision."""
    import keras

    from convscope.engine.device import choose_device
    from convscope.kinds.tasks.segmentation_grids import Grids, predict_grids
    from convscope.kinds.volume.representation import VolumeRepresentation
    from convscope.kinds.volume.segmentation.representation import MaskedVolumeRepresentation
    from convscope.models.unet import unet

    window = window_of(given)
    grid = VolumeRepresentation(window, 1, (1.0, 1.0, 1.0), "foreground")
    represent = MaskedVolumeRepresentation(grid)

    def built(policy: str) -> keras.Model:
        keras.config.set_dtype_policy(policy)
        keras.utils.set_random_seed(0)
        model = unet((*window, 1), CLASSES, deep_supervision=True)
        rng = np.random.default_rng(0)
        for layer in model.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                shapes = [weight.shape for weight in layer.get_weights()]
                low = (0.8, -0.1, -0.1, 0.8)
                drawn = [rng.uniform(a, a + 0.3, shape) for a, shape in zip(low, shapes, strict=True)]
                layer.set_weights([each.astype(np.float32) for each in drawn])
        return model

    def answers(model: keras.Model, held: list[np.ndarray]) -> list[np.ndarray]:
        grids = Grids(represent, held, held)
        return [np.concatenate(list(slabs)) for slabs in predict_grids(model, grids)]

    precise = built("float32")
    write_network(precise, given.folder)
    outputs = {what: answers(precise, volumes(given, what)[:1])[0] for what in (ONE, SEVERAL)}
    np.savez(given.folder / "outputs.npz", one=outputs[ONE], several=outputs[SEVERAL])
    chosen = choose_device("auto").policy
    for policy in dict.fromkeys((chosen, "float32")):
        model = precise if policy == "float32" else built(policy)
        for what in (ONE, SEVERAL):
            held = volumes(given, what)
            name = f"{what}, {policy}{', the choice of a training' if policy == chosen else ''}"
            yield name, best_rate(lambda m=model, h=held: answers(m, h), len(held), given.rounds)


def write_network(model: Any, folder: Path) -> None:
    """The layers of a network in order as JSON, and their weights."""
    from convscope.scope.graph.graph import trace

    graph = trace(model)
    steps, weights = [], {}
    for call in graph.calls:
        layer, kind = call.layer, type(call.layer).__name__
        settings: dict[str, Any] = {}
        if kind == "MaxPooling3D":
            settings["size"] = list(layer.pool_size)
        elif kind == "UpSampling3D":
            settings["size"] = list(layer.size)
        elif kind == "Cropping3D":
            settings["cut"] = [list(each) for each in layer.cropping]
        elif kind == "BatchNormalization":
            settings["epsilon"] = layer.epsilon
        for place, weight in enumerate(layer.get_weights()):
            weights[f"{layer.name}/{place}"] = weight
        step = {"kind": kind, "name": layer.name, **settings}
        step["from"] = [value.number for value in call.inputs]
        step["to"] = call.outputs[0].number
        steps.append(step)
    about = {"input": graph.inputs[0].number, "output": graph.outputs[0].number, "steps": steps}
    (folder / "network.json").write_text(json.dumps(about))
    np.savez(folder / "weights.npz", **weights)


def torch_network(folder: Path) -> Network:
    """The same network in PyTorch, of values (batch, channels, x, y, z)."""
    import torch
    from torch.nn import functional

    about = json.loads((folder / "network.json").read_text())
    loaded = dict(np.load(folder / "weights.npz"))

    class Translated(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for step in about["steps"]:
                own = [loaded[name] for name in sorted(n for n in loaded if n.startswith(step["name"] + "/"))]
                if step["kind"] == "Conv3D":
                    kernel = torch.from_numpy(own[0]).permute(4, 3, 0, 1, 2).contiguous()
                    layer = torch.nn.Conv3d(
                        kernel.shape[1], kernel.shape[0], kernel.shape[2:], padding="same", bias=len(own) > 1
                    )
                    layer.weight.data = kernel
                    if len(own) > 1:
                        layer.bias.data = torch.from_numpy(own[1])
                    self.add_module(step["name"], layer)
                elif step["kind"] == "BatchNormalization":
                    norm = torch.nn.BatchNorm3d(len(own[0]), eps=step["epsilon"])
                    norm.weight.data, norm.bias.data, norm.running_mean, norm.running_var = (
                        torch.from_numpy(each) for each in own
                    )
                    self.add_module(step["name"], norm)

        def forward(self, x: Any) -> Any:
            values = {about["input"]: x}
            for step in about["steps"]:
                values[step["to"]] = self.step(step, [values[number] for number in step["from"]])
            return values[about["output"]]

        def step(self, step: dict[str, Any], x: list[Any]) -> Any:
            kind = step["kind"]
            if kind in ("Conv3D", "BatchNormalization"):
                return getattr(self, step["name"])(x[0])
            if kind == "ReLU":
                return functional.relu(x[0])
            if kind == "Add":
                return x[0] + x[1]
            if kind == "Concatenate":
                return torch.cat(x, 1)
            if kind == "MaxPooling3D":
                return functional.max_pool3d(x[0], step["size"], ceil_mode=True)
            if kind == "UpSampling3D":
                return functional.interpolate(x[0], scale_factor=[float(by) for by in step["size"]])
            if kind == "Cropping3D":
                ends = [side - behind for side, (_, behind) in zip(x[0].shape[2:], step["cut"], strict=True)]
                return x[0][:, :, : ends[0], : ends[1], : ends[2]]
            if kind == "Activation":
                return torch.softmax(x[0].float(), 1)
            raise ValueError(f"a layer of another kind: {kind}")

    return Translated().eval()


def by_torch(given: argparse.Namespace) -> Iterator[tuple[str, float]]:
    """Volumes a second of each setting; with MONAI where that is asked for."""
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    sliding = given.inside == "monai"
    what = SEVERAL if sliding else ONE
    arrays = volumes(given, what)
    expected = np.load(given.folder / "outputs.npz")["several" if sliding else "one"]
    settings = product((False, True), ("float32", "bfloat16"), (False, True), AT_ONCE)
    for compiled, precision, last, at_once in settings:
        form = torch.channels_last_3d if last else torch.contiguous_format
        dtype = getattr(torch, precision)
        network = torch_network(given.folder).to(dtype).to(memory_format=form)
        torch._dynamo.reset()
        called = torch.compile(network, dynamic=False) if compiled else network
        stacked = torch.from_numpy(np.moveaxis(np.stack(arrays), -1, 1).copy())

        def window(x: Any, called: Any = called, form: Any = form, dtype: Any = dtype) -> Any:
            return called(x.to(dtype=dtype, memory_format=form)).float()

        def run(window: Any = window, at_once: int = at_once, x: Any = stacked) -> Any:
            with torch.inference_mode():
                if sliding:
                    return slid(x, window, at_once, given)
                return torch.cat([window(part) for part in x.split(at_once)])

        layout = "channels last" if last else "channels first"
        mode = "compiled" if compiled else "eager"
        name = f"{what}, {mode}, {precision}, {layout}, {at_once} at a time"
        try:
            found = np.moveaxis(run(x=stacked[:1]).numpy()[0], 0, -1)
            apart = float(np.abs(found - expected).max())
            if precision == "float32" and apart > CLOSE:
                raise SystemExit(f"{name}: outputs differ by {apart:.2g} from those of Keras")
            yield name, best_rate(run, len(arrays), given.rounds)
        except RuntimeError as error:
            print(f"{name}: left out, {str(error).splitlines()[0]}", file=sys.stderr)


def slid(x: Any, window: Any, at_once: int, given: argparse.Namespace) -> Any:
    """By MONAI's sliding windows."""
    from monai.inferers import sliding_window_inference

    return sliding_window_inference(
        x, window_of(given), at_once, window, overlap=OVERLAP, mode="gaussian", sigma_scale=SIGMA
    )


def asked(given: argparse.Namespace, python: str, who: str, folder: Path) -> list[tuple[str, float]]:
    """The figures that a process of its own prints."""
    words = [python, __file__, "--inside", who, "--folder", str(folder), "--rounds", str(given.rounds)]
    keras = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [*words, *(["--quick"] if given.quick else [])],
        stdout=subprocess.PIPE,
        env={**os.environ, **keras},
        check=True,
    )
    found = [(name, value) for name, value in json.loads(done.stdout.splitlines()[-1])]
    for name, value in found:
        print(f"{value:9.3f} volumes/s  {who}, {name}", flush=True)
    return found


def measured(given: argparse.Namespace) -> list[Figure]:
    """Ours beside the best setting of the others."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        own = asked(given, sys.executable, "convscope", folder)
        theirs = {ONE: asked(given, sys.executable, "torch", folder)}
        theirs[SEVERAL] = asked(given, given.monai, "monai", folder) if given.monai else []
    figures = []
    for name, value in own:
        part = name.partition(",")[0]
        beside = max((rate for _, rate in theirs[part]), default=None)
        figures.append(Figure(f"convscope, {name}", value, "volumes/s", beside))
    for who, part in (("PyTorch", ONE), ("MONAI", SEVERAL)):
        figures += [Figure(f"{who}, {name}", value, "volumes/s") for name, value in theirs[part]]
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--monai", default="", help="interpreter that has MONAI")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--inside", choices=("convscope", "torch", "monai"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        found = by_convscope(given) if given.inside == "convscope" else by_torch(given)
        print(json.dumps(list(found)))
        return
    figures = measured(given)
    print_table(figures)
    write_results(given.json, figures, [0])


if __name__ == "__main__":
    main()
