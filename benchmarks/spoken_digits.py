"""Connected digits: strings of 3 to 7 recordings of the Free Spoken Digit Dataset, with pauses and noise.

    python benchmarks/spoken_digits.py --data FOLDER --out FOLDER [--seed 0]

FOLDER holds `fsdd/recordings/{digit}_{speaker}_{index}.wav`. What is written are WAV files of 8 kHz and
a manifest for each split, as NeMo has them. Of the official split, recordings of the indices 0 to 4 are heard
in the test strings alone, 5 to 9 in those of validation, and 10 to 49 in those of train.

A string is of one speaker. In front of, between and behind the digits are 0.05 to 0.5 seconds without speech,
and over all of it lies noise, white or brown or between, 10 to 30 dB below the speech. Everything is drawn
evenly.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import numpy as np
import soundfile

RATE = 8_000
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPLITS = {"train": range(10, 50), "validation": range(5, 10), "test": range(5)}
COUNTS = {"train": 3_000, "validation": 300, "test": 600}
DIGITS = (3, 7)
PAUSE = (0.05, 0.5)
NOISE = (10.0, 30.0)


def recordings(folder: Path) -> dict[tuple[str, int], dict[int, np.ndarray]]:
    """Waveforms by speaker and index, and by digit."""
    found: dict[tuple[str, int], dict[int, np.ndarray]] = {}
    for path in sorted(folder.glob("*.wav")):
        digit, speaker, index = re.fullmatch(r"(\d)_(\w+)_(\d+)", path.stem).groups()
        waveform, rate = soundfile.read(path, dtype="float32")
        if rate != RATE:
            raise SystemExit(f"{path} has {rate} samples per second, expected {RATE}")
        found.setdefault((speaker, int(index)), {})[int(digit)] = waveform
    if not found:
        raise SystemExit(f"{folder} has no recordings: give the folder that holds fsdd/")
    return found


def coloured_noise(count: int, rng: np.random.Generator) -> np.ndarray:
    """Noise whose energy falls with the frequency to a power of 0 to 2, of a mean square of 1."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    slope = np.maximum(np.arange(len(spectrum)), 1.0) ** (-rng.uniform(0, 1))
    noise = np.fft.irfft(spectrum * slope, count)
    return noise / np.sqrt(np.mean(noise**2))


def string_of_digits(found: dict, indices: range, rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """A waveform and what is said in it."""
    speakers = sorted({speaker for speaker, _ in found})
    speaker = speakers[rng.integers(len(speakers))]
    digits = rng.integers(0, 10, rng.integers(DIGITS[0], DIGITS[1] + 1)).tolist()
    spoken = [found[speaker, int(rng.choice(indices))][digit] for digit in digits]
    parts = []
    for each in spoken:
        parts += [np.zeros(round(rng.uniform(*PAUSE) * RATE)), each]
    waveform = np.concatenate([*parts, np.zeros(round(rng.uniform(*PAUSE) * RATE))])
    loudness = np.sqrt(np.mean(np.square(np.concatenate(spoken))))
    level = loudness * 10 ** (-rng.uniform(*NOISE) / 20)
    waveform = waveform + level * coloured_noise(len(waveform), rng)
    loudest = np.abs(waveform).max()
    return waveform / max(1.0, loudest / 0.99), " ".join(WORDS[digit] for digit in digits)


def write(data: Path, out: Path, seed: int = 0, counts: dict[str, int] | None = None) -> Path:
    """Writes recordings and manifests, unless they are there; gives the folder."""
    if (out / "test_manifest.json").exists():
        return out
    found = recordings(data / "fsdd" / "recordings")
    for number, (split, indices) in enumerate(SPLITS.items()):
        (out / split).mkdir(parents=True, exist_ok=True)
        lines = []
        for i in range((counts or COUNTS)[split]):
            waveform, text = string_of_digits(found, indices, np.random.default_rng([seed, number, i]))
            name = f"{split}/{i:04}.wav"
            soundfile.write(out / name, waveform, RATE, subtype="PCM_16")
            seconds = len(waveform) / RATE
            lines.append(json.dumps({"audio_filepath": name, "duration": seconds, "text": text}))
        (out / f"{split}_manifest.json").write_text("\n".join(lines) + "\n", "utf-8")
    return out


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(write(given.data, given.out, given.seed))
