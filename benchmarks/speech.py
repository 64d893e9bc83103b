"""Speech recognition: connected digits by the recipe's defaults, and how fast speech is heard.

    python benchmarks/speech.py --data FOLDER [--runs FOLDER] [--seeds 0 1 2] [--json FILE]

FOLDER holds `fsdd/`. The strings of digits are those of `spoken_digits.py`, which also says what lies in
which split; the labels are characters, and nothing tells the training which words there are. Each seed is a
training by the shipped defaults, judged on the test strings by the best epoch of the validation strings. The
same weights are judged with the best character of each frame, with a beam, and with a beam that knows the ten
words. A run that is there already is not trained again.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
from results import Figure, add_arguments, print_table, write_results
from spoken_digits import RATE, WORDS, write

from convscope import api
from convscope.run import Run

TARGET = 5.0
QUICK = {"train": 600, "validation": 100, "test": 100}


def trained(data: Path, folder: Path, seed: int, settings: dict) -> Run:
    """The finished run of a seed, trained if it is not there."""
    if folder.exists():
        return api.train(resume=folder)
    moment = [time.monotonic()]

    def progress(done: int, total: int | None, what: str) -> None:
        if time.monotonic() - moment[0] > 30:
            moment[0] = time.monotonic()
            print(f"  {done}/{total} {what}", flush=True)

    def say(line: str) -> None:
        print(f"  {line}", flush=True)

    return api.train(data, out=folder, seed=seed, progress=progress, say=say, **settings)


def judged(run: Run, data: Path, words: Path) -> dict[str, tuple[float, float, str]]:
    """WER and CER of the test split in percent, and a line on them, for each way to search."""
    from convscope.workflows.predict import Predictor

    ways = {
        "greedy": {"beam": 1},
        "beam 16": {"beam": 16},
        "beam 16, word list": {"beam": 16, "words": str(words)},
    }
    found = {}
    for name, options in ways.items():
        figures = Predictor(run, **options).evaluate(data, lambda *_: None)
        found[name] = 100 * figures.wer, 100 * figures.cer, figures.to_line()
    return found


def speeds(run: Run, data: Path) -> list[Figure]:
    """Seconds of speech that are heard in a second, after everything is compiled."""
    from convscope.kinds.audio.readers.inputs import read_audio_inputs
    from convscope.kinds.audio.speech.representation import SpeechRepresentation
    from convscope.kinds.audio.speech.transcription import Transcriber
    from convscope.workflows.model_files import load_file

    model = load_file(run.model_path)
    representation = SpeechRepresentation.from_json(run.representation())
    rows = representation.encode(read_audio_inputs([str(data / "test")]))
    lengths, long = rows.lengths, np.concatenate(rows.waves)
    made = []
    for beam in (1, 16):
        hear = Transcriber(model, representation.rate, representation.characters, beam)
        live = [long[start : start + 640] for start in range(0, 120 * RATE, 640)]
        for name, work, seconds in (
            ("strings of digits", lambda hear=hear: hear(rows), lengths.sum() / RATE),
            (
                "in windows of 20 s",
                lambda hear=hear: [None for _ in hear.stream([long], 20.0)],
                len(long) / RATE,
            ),
            ("as it comes, 0.24 s at a time", lambda hear=hear, live=live: list(hear.stream(live)), 120.0),
        ):
            work()
            start = time.perf_counter()
            work()
            rate = seconds / (time.perf_counter() - start)
            made.append(Figure(f"speech heard, {name}, beam {beam}", rate, "s per s"))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    given = parser.parse_args()
    settings = {"epochs": 3} if given.quick else {}
    name = "digits-quick" if given.quick else "digits"
    data = write(given.data, given.runs / f"{name}-data", counts=QUICK if given.quick else None)
    words = given.runs / "digits.txt"
    words.write_text("\n".join(WORDS) + "\n", "utf-8")
    found, minutes = [], []
    for seed in given.seeds:
        run = trained(data, given.runs / f"{name}-{seed}", seed, settings)
        minutes.append(run.record()["training_seconds"] / 60)
        found.append(judged(run, data, words))
        for way, (*_, line) in found[-1].items():
            print(f"seed {seed}, {way}: {line}", flush=True)
    figures = []
    took = f"{statistics.mean(minutes):.1f} min"
    for way in found[0]:
        each = [of_seed[way][0] for of_seed in found]
        spread = f", seeds {' '.join(f'{value:.2f}' for value in each)}" if len(each) > 1 else ""
        target = None if "list" in way else TARGET
        figures.append(
            Figure(
                f"connected digits, {way}, test{spread}, {took}",
                statistics.mean(each),
                "% WER",
                target,
                "lower",
            )
        )
        characters = statistics.mean(of_seed[way][1] for of_seed in found)
        figures.append(Figure(f"connected digits, {way}, test", characters, "% CER", None, "lower"))
    figures += speeds(run, data)
    print_table(figures)
    write_results(given.json, figures, given.seeds)


if __name__ == "__main__":
    main()
