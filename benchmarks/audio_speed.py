"""Speed of the front end: hours of sound that become log-mel energies in a second, on the processor.

Every contender computes the same: 16 kHz, frames of 25 ms every 10 ms, 64 bands, logarithms, float32, from
the same noise in batches of 32 clips of 5 seconds. Each has a process of its own; contenders take turns in
every round, and the median of the rounds is reported.

- convscope: the layer `LogMel` inside a model, as each backend predicts, and in OpenVINO as features are
  extracted in float32.
- PyTorch: `torch.stft`, with transforms of the window's 400 samples and, as most recipes have it, of 512,
  eager, without gradients.

    python benchmarks/audio_speed.py [--rounds 5] [--json FILE] [--quick]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from results import Figure, add_arguments, print_table, write_results
from turns import fresh, medians

RATE, SECONDS, BATCH = 16_000, 5, 32
WINDOW, HOP, MELS, FLOOR = 400, 160, 64, 1e-8
BATCHES, WARM_UP = 12, 3


def clips() -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.5, 0.5, (BATCH, RATE * SECONDS)).astype(np.float32)


def front_end():
    import keras

    from convscope.kinds.audio.layers.log_mel import LogMel

    waveform = keras.Input((RATE * SECONDS,), name="waveform")
    return keras.Model(waveform, LogMel(RATE, mels=MELS, floor=FLOOR)(waveform))


def by_keras() -> Callable[[np.ndarray], np.ndarray]:
    from convscope.engine.inference.infer import predict_batches

    model = front_end()
    return lambda batch: next(predict_batches(model, [batch]))[0]


def by_openvino() -> Callable[[np.ndarray], np.ndarray]:
    from convscope.engine.inference.openvino import Converted

    model = front_end()
    program = Converted(lambda x: [model(x)], model, clips()[:2]).compile(BATCH, 1, "float32")
    return lambda batch: next(program.results(iter([batch])))[0]


def by_stft(points: int) -> Callable[[np.ndarray], np.ndarray]:
    import torch

    from convscope.kinds.audio.layers.log_mel import mel_bands

    window = torch.hann_window(WINDOW)
    bands = torch.tensor(mel_bands(points // 2 + 1, RATE / points, MELS, 20.0, RATE / 2), dtype=torch.float32)
    scale = float(window.square().sum())
    before = (WINDOW - HOP) // 2

    def run(batch: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            padded = torch.nn.functional.pad(torch.from_numpy(batch), (before, points - 1 - before))
            spectrum = torch.stft(padded, points, HOP, WINDOW, window, center=False, return_complex=True)
            power = (spectrum.real.square() + spectrum.imag.square()).transpose(1, 2) / scale
            return torch.log(power @ bands + FLOOR).numpy()

    return run


CONTENDERS: dict[str, tuple[str, Callable[[], Callable[[np.ndarray], np.ndarray]]]] = {
    "convscope, TensorFlow": ("tensorflow", by_keras),
    "convscope, JAX": ("jax", by_keras),
    "convscope, PyTorch": ("torch", by_keras),
    "convscope, OpenVINO": ("tensorflow", by_openvino),
    "torch.stft of 400": ("torch", lambda: by_stft(400)),
    "torch.stft of 512": ("torch", lambda: by_stft(512)),
}


def measure(name: str) -> float:
    """Hours of sound a second."""
    run, batch = CONTENDERS[name][1](), clips()
    moments = []
    for _ in range(WARM_UP + BATCHES):
        found = run(batch)
        moments.append(time.perf_counter())
    expected = RATE * SECONDS // HOP
    if found.shape[0] != BATCH or abs(found.shape[1] - expected) > 1 or found.shape[2] != MELS:
        raise SystemExit(f"{name} computed {found.shape}")
    return BATCHES * BATCH * SECONDS / 3600 / (moments[-1] - moments[WARM_UP - 1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", choices=CONTENDERS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(measure(given.one))
        return
    found = medians(
        list(CONTENDERS),
        lambda name: fresh(__file__, ["--one", name], CONTENDERS[name][0]),
        2 if given.quick else given.rounds,
        "hours a second",
    )
    figures = [Figure(f"log-mel, {name}", rate, "hours of sound a second") for name, rate in found.items()]
    print_table(figures)
    write_results(given.json, figures, [0])


if __name__ == "__main__":
    main()
