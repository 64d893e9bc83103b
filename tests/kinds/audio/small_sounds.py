"""Small made-up sounds, and a training of a few seconds on them."""

from pathlib import Path

import numpy as np
import soundfile

RATE = 4000
LABELS = ("falling", "noisy", "rising")
SETTINGS = {
    "precision": "float32",
    "batch_size": 16,
    "learning_rate": 1e-2,
    "epochs": 6,
    "options": {"filters": 4, "depth": 2, "mels": 16},
}


def made_sound(label, seed):
    """A tone that falls or rises, or noise, of differing lengths, shape (samples,), float32."""
    rng = np.random.default_rng([LABELS.index(label), seed])
    count = int(rng.integers(700, 1200))
    way = np.linspace(0, 1, count)
    low, high = rng.uniform(200, 350), rng.uniform(1100, 1500)
    pitch = low + (high - low) * (way if label == "rising" else 1 - way)
    tone = np.sin(2 * np.pi * np.cumsum(pitch) / RATE)
    noise = rng.normal(0, 1, count)
    mixed = 0.8 * noise + 0.05 * tone if label == "noisy" else 0.9 * tone + 0.05 * noise
    return (0.2 * rng.uniform(0.5, 1.5) * mixed).astype(np.float32)


def write_sounds(folder, seed=0, count=24):
    """A folder per class; gives the folder."""
    for label in LABELS:
        (folder / label).mkdir(parents=True)
        for i in range(count):
            soundfile.write(folder / label / f"{i:02d}.wav", made_sound(label, 1000 * seed + i), RATE)
    return folder


def write_asked(folder, seed=7):
    """One recording of each class, of other rates and numbers of channels; gives paths by label."""
    folder.mkdir(parents=True)
    paths: dict[str, Path] = {}
    for number, label in enumerate(LABELS):
        path = folder / f"{number}.{('wav', 'flac', 'wav')[number]}"
        waveform = np.stack([made_sound(label, 1000 * seed)] * (number + 1), axis=1)
        soundfile.write(path, waveform, RATE)
        paths[label] = path
    return paths
