"""What every benchmark prints and writes: machine, versions, seeds, date, and its figures."""

from __future__ import annotations

import argparse
import json
import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path

PACKAGES = (
    "convscope",
    "keras",
    "tensorflow",
    "jax",
    "torch",
    "numpy",
    "openvino",
    "onnxruntime",
    "pillow",
    "tokenizers",
    "sacrebleu",
    "aeon",
    "scikit-learn",
    "scipy",
    "soundfile",
    "jiwer",
    "tf-keras-vis",
    "keract",
)


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Args:
        name: What was measured.
        value: The number.
        unit: Its unit.
        target: What it should reach; None where nothing is asked.
        better: Which way is better, `higher` or `lower`.
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    better: str = "higher"

    @property
    def verdict(self) -> str:
        """Whether the target is met."""
        if self.target is None:
            return ""
        met = self.value >= self.target if self.better == "higher" else self.value <= self.target
        return "met" if met else "missed"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that every benchmark takes."""
    parser.add_argument("--json", type=Path, help="write header and figures to this file")
    parser.add_argument("--quick", action="store_true", help="under five minutes: fewer repeats")


def header(seeds: list[int]) -> dict[str, object]:
    """Machine, versions, seeds and date."""
    versions = {d.metadata["Name"].lower(): d.version for d in distributions() if d.metadata["Name"]}
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": {name: versions[name] for name in PACKAGES if name in versions},
        "seeds": seeds,
    }


def processor() -> str:
    """The processor's name, and which bfloat16 instructions it has."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    values = {line.partition(":")[0].strip(): line.partition(":")[2].strip() for line in lines}
    flags = [flag for flag in values.get("flags", "").split() if flag in {"avx512_bf16", "amx_bf16"}]
    return f"{values.get('model name', platform.processor())} ({', '.join(flags) or 'no bfloat16'})"


def write_results(path: Path | None, figures: list[Figure], seeds: list[int]) -> None:
    """Writes header and figures as JSON, if a path is given."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"header": header(seeds), "figures": [asdict(figure) for figure in figures]}
        path.write_text(json.dumps(content, indent=2) + "\n")


def print_table(figures: list[Figure]) -> None:
    """Prints one line per figure."""
    width = max(len(figure.name) for figure in figures)
    for figure in figures:
        target = f"  target {figure.target:g}, {figure.verdict}" if figure.target is not None else ""
        print(f"{figure.name:<{width}}  {figure.value:>10.2f} {figure.unit:<10}{target}")
