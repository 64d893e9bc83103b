"""Small made-up speech, whose letters and spaces are tones, and a training of a few seconds on it."""

import json

import numpy as np
import soundfile

RATE = 4000
TONES = {"a": 400.0, "b": 800.0, "c": 1400.0, " ": 200.0}
WORDS = ("ab", "ba", "cab", "c", "bacca")
LETTER = 0.08
SETTINGS = {
    "precision": "float32",
    "batch_size": 8,
    "learning_rate": 1e-2,
    "epochs": 16,
    "seed": 3,
    "options": {"width": 32, "kernel_sizes": (7,), "depth": 1, "mels": 16, "dropout": 0.0, "masking": 0.0},
}


def spoken(text, seed=0, rate=RATE):
    """A waveform that says a text, shape (samples,), float32; noise lies over all of it."""
    rng = np.random.default_rng([len(text), seed])
    pause = np.zeros(round(0.04 * rate))
    parts = [np.zeros(round(rng.uniform(0.1, 0.2) * rate))]
    for letter in text:
        seconds = LETTER * rng.uniform(0.9, 1.2)
        time = np.arange(round(seconds * rate)) / rate
        parts += [np.sin(2 * np.pi * TONES[letter] * rng.uniform(0.97, 1.03) * time), pause]
    parts.append(np.zeros(round(rng.uniform(0.1, 0.2) * rate)))
    waveform = rng.uniform(0.1, 0.4) * np.concatenate(parts)
    return (waveform + 0.003 * rng.standard_normal(len(waveform))).astype(np.float32)


def drawn_text(seed):
    rng = np.random.default_rng([99, seed])
    return " ".join(rng.choice(WORDS, rng.integers(1, 4)))


def write_speech(folder, seed=0, count=120):
    """Recordings with a manifest; gives the folder."""
    folder.mkdir(parents=True)
    lines = []
    for i in range(count):
        text = drawn_text(1000 * seed + i)
        waveform = spoken(text, 1000 * seed + i)
        soundfile.write(folder / f"{i:02d}.wav", waveform, RATE, subtype="PCM_16")
        seconds = len(waveform) / RATE
        lines.append(
            json.dumps({"audio_filepath": f"{i:02d}.wav", "duration": seconds, "text": text.upper() + "!"})
        )
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def write_asked(folder, texts):
    """One recording of each text, of several rates and numbers of channels; gives their paths by text."""
    folder.mkdir(parents=True)
    paths = {}
    for i, text in enumerate(texts):
        rate = (RATE, 11_025, 16_000)[i % 3]
        waveform = np.stack([spoken(text, 5000 + i, rate)] * (1 + i % 2), axis=1)
        paths[text] = folder / f"{i:02d}.{('wav', 'flac')[i % 2]}"
        soundfile.write(paths[text], waveform, rate)
    return paths
