"""Tables of series, written by tests."""

import gzip
from pathlib import Path

import numpy as np


def table(path: Path, text: str) -> Path:
    """A file of these lines, packed where its name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


def waves(count=12, length=10, seed=0):
    """Rising and falling lines in turn, shape (count, length), and their labels."""
    rng = np.random.default_rng(seed)
    rising = np.arange(count) % 2 == 0
    slope = np.where(rising, 1.0, -1.0)[:, None] * np.arange(length)
    return slope + rng.normal(0, 0.1, (count, length)), np.where(rising, "up", "down")


def wide(path: Path, count=12, header=True, label_first=True, seed=0):
    """A series in each row."""
    values, labels = waves(count, seed=seed)
    names = [f"t{place}" for place in range(values.shape[1])]
    lines = [["label", *names] if label_first else [*names, "label"]] if header else []
    for row, label in zip(values, labels, strict=True):
        numbers = [f"{value:.4f}" for value in row]
        lines.append([label, *numbers] if label_first else [*numbers, label])
    mark = "\t" if path.suffix == ".tsv" else ","
    return table(path, "\n".join(mark.join(line) for line in lines) + "\n")


def long(path: Path, count=12, seed=0, extra=""):
    """A time in each row: id, time, two variables, label."""
    values, labels = waves(count, seed=seed)
    lines = ["id,time,flow,heat,label"]
    for number, (row, label) in enumerate(zip(values, labels, strict=True)):
        for at, value in enumerate(row):
            lines.append(f"s{number},2026-01-01T00:{at:02d}:00Z,{value:.4f},{-value:.4f},{label}")
    return table(path, "\n".join(lines) + "\n" + extra)


def archive(path: Path, count=12, seed=0, header="", lengths=None, variables=1):
    """A `.ts` file of the UCR and UEA archives."""
    values, labels = waves(count, seed=seed)
    lines = ["# about", "@problemName waves", f"@univariate {str(variables == 1).lower()}"]
    lines += [f"@equalLength {str(lengths is None).lower()}", header, "@classLabel true up down", "@data"]
    for number, (row, label) in enumerate(zip(values, labels, strict=True)):
        kept = row[: lengths[number % len(lengths)]] if lengths else row
        text = ",".join(f"{value:.4f}" for value in kept)
        lines.append(":".join([text] * variables + [label]))
    return table(path, "\n".join(line for line in lines if line) + "\n")
