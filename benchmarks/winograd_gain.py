"""What Winograd's filtering gains in extraction, against the same engine without it, in default settings.

The last convolution, pooled by mean, of both reference models and ResNet50, from decoded arrays, in the
precision that `auto` chooses. Both settings measure in fresh processes and take turns; the median of the
rounds is reported. Filtering is worth its code where the gain is above 1.15 for one of the models.

    python benchmarks/winograd_gain.py [--rounds 3] [--models MODEL ...] [--json FILE] [--quick]
"""

from __future__ import annotations

import argparse
from functools import partial

from extract_pictures import MODELS
from extract_speed import run_convscope
from results import Figure, add_arguments, print_table, write_results
from turns import fresh, medians


def run(model: str, setting: str) -> float:
    """Images per second."""
    from convscope.engine.inference import feature_choice

    if setting == "plain":
        feature_choice._Trials.with_tiles = lambda self, trial: trial
    return run_convscope(model, "auto", "")


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    add_arguments(parser)
    arguments = parser.parse_args()
    if arguments.worker:
        print(run(*arguments.worker))
        return
    figures: list[Figure] = []
    for model in ["deep_cnn"] if arguments.quick else arguments.models:
        measure = partial(_measured, model)
        found = medians(
            ["plain", "filtering"], measure, 1 if arguments.quick else arguments.rounds, "images/s", model
        )
        figures += [Figure(f"{model}, {name}", value, "images/s") for name, value in found.items()]
        figures.append(Figure(f"{model}, gain of filtering", found["filtering"] / found["plain"], "x", 1.15))
        write_results(arguments.json, figures, seeds=[0])
    print_table(figures)


def _measured(model: str, setting: str) -> float:
    return fresh(__file__, ["--worker", model, setting])


if __name__ == "__main__":
    main()
