"""Recordings that tests make: tones of a pitch, packed as any format that libsndfile writes."""

import json

import numpy as np
import soundfile


def tone(pitch=440.0, seconds=0.25, rate=8000, level=0.5, seed=0):
    """A tone in soft noise, so that no two seeds are identical, shape (samples,), float32."""
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(seed).normal(0, 0.01, len(time))
    return (level * np.sin(2 * np.pi * pitch * time) + noise).astype(np.float32)


def sound(path, values=None, rate=8000, subtype=None, **options):
    """Writes samples, or else a tone, as the format of the file's ending; returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone(rate=rate, **options) if values is None else values, rate, subtype=subtype)
    return path


def sound_folders(root, counts, splits=("",), **options):
    """Class folders of tones, each class at a pitch of its own, below each split; returns the root."""
    for place, split in enumerate(splits):
        for number, (name, count) in enumerate(counts.items()):
            for i in range(count):
                seed = 1000 * place + 100 * number + i
                sound(root / split / name / f"{i}.wav", pitch=300 * 2**number, seed=seed, **options)
    return root


def manifest(path, rows):
    """JSON Lines as NeMo writes them; returns the path."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path
