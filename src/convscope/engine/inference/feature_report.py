"""How features are computed and how close they are to Keras: one frozen value that a manifest can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from convscope.json_values import Plain

Engine = Literal["openvino", "keras"]
Computed = Literal["bfloat16", "float32"]


@dataclass(frozen=True)
class Rate:
    """What one choice of request size and streams gave in the measurement.

    Args:
        request_size: Samples per request.
        streams: Requests computed at the same time.
        samples_per_second: The speed.
    """

    request_size: int
    streams: int
    samples_per_second: float


@dataclass(frozen=True)
class EngineReport(Plain):
    """What computes the features, why, how fast, and how far it is from Keras in float32.

    Args:
        engine: `openvino` or `keras`.
        precision: `bfloat16` or `float32`.
        batch_size: Samples that `FeatureEngine.run` takes best at a time, a multiple of `request_size`.
        request_size: Samples that the compiled program computes at a time.
        streams: Requests computed at the same time.
        rates: What the measurement gave for each choice tried; empty where there was nothing to choose.
        deviation: Largest absolute difference to Keras in float32 on the sample, per layer.
        cosine: Smallest cosine similarity of a sample's features to those of Keras, per layer.
        compared: Samples that deviation and cosine come from.
        device: The processor or accelerator.
        reason: Why this engine and precision where it is not the fastest; empty otherwise.
        tiles: Of each convolution in the compiled program, 0 for the plain sum; empty where all are plain.
    """

    _WHAT = "an engine report"
    _HINT = "Extract the features again."

    engine: Engine
    precision: Computed
    batch_size: int
    request_size: int
    streams: int
    device: str
    rates: tuple[Rate, ...] = ()
    deviation: Mapping[str, float] = field(default_factory=dict)
    cosine: Mapping[str, float] = field(default_factory=dict)
    compared: int = 0
    reason: str = ""
    tiles: tuple[int, ...] = ()

    def by_keras(self, reason: str) -> EngineReport:
        """The same sizes computed by Keras in float32, where OpenVINO cannot go on."""
        return replace(self, engine="keras", precision="float32", streams=1, reason=reason, tiles=())

    def __str__(self) -> str:
        sizes = f"{self.request_size} samples x {self.streams} at a time"
        words = [f"{engine_name(self.engine)} in {self.precision}, {sizes}"]
        if self.tiles:
            tiled = sum(map(bool, self.tiles))
            words.append(f"{tiled} of {len(self.tiles)} convolutions by Winograd's filtering")
        if self.rates:
            words.append(f"{max(rate.samples_per_second for rate in self.rates):,.0f} samples/s")
        if self.cosine:
            least = min(self.cosine, key=lambda path: self.cosine[path])
            words.append(f"cosine to Keras at least {self.cosine[least]:.6f} ({least})")
        return "; ".join(words) + (f"; {self.reason}" if self.reason else "")


def engine_name(engine: Engine) -> str:
    """As people write it."""
    return {"openvino": "OpenVINO", "keras": "Keras"}[engine]
