"""Progression: what is known of the recipe before Keras is imported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from convscope.data.options import DROP_COLUMN, ENCODING, SHEET, TIME_COLUMN
from convscope.kinds.contract.kind import Architecture, RecipeSpec
from convscope.kinds.volume.options import CHANNEL_LAYOUT, RESAMPLE_LABELS
from convscope.kinds.volume.progression.events import is_rule
from convscope.lazy import Lazy
from convscope.models.options import FILTERS
from convscope.option import Option, above, at_least, several_names, within

PROGRESSION_OPTIONS = (
    Option("subject_column", str, None, "Column of a table that names the subject of a visit", predicts=True),
    replace(TIME_COLUMN, help="Column of a table with the time of a visit"),
    Option(
        "time_unit",
        Literal["date", "days", "months", "years"],
        None,
        "Unit of the times; told by the name of their column by default",
        predicts=True,
    ),
    Option(
        "event",
        str,
        None,
        "What is foretold: a column above 0, or one with a state such as CDR>0 or DX=Dementia",
        is_rule,
        predicts=True,
    ),
    Option(
        "input_columns",
        tuple[str, ...],
        (),
        "Columns of numbers to foretell from, separated by commas; all by default",
        parse=several_names,
    ),
    replace(DROP_COLUMN, predicts=True),
    Option(
        "visit_pattern",
        str,
        None,
        "Regular expression of paths with groups named subject and visit, date, days or months",
        predicts=True,
    ),
    Option("scan_pattern", str, None, "Regular expression of paths of scans", predicts=True),
    Option("mask_pattern", str, None, "Regular expression of paths of masks", predicts=True),
    replace(RESAMPLE_LABELS, predicts=True),
    CHANNEL_LAYOUT,
    ENCODING,
    SHEET,
    Option(
        "segmenter",
        Path,
        None,
        "Run of volume-segmentation for visits without a mask",
        predicts=True,
        folder=True,
    ),
    Option(
        "structures",
        tuple[str, ...],
        (),
        "Names of the values of masks from 1, separated by commas",
        predicts=True,
        parse=several_names,
    ),
    Option(
        "by",
        Literal["auto", "masks", "registration"],
        "auto",
        "What measures volumes: masks of all visits, or registration with a mask of the first one",
        predicts=True,
    ),
    Option("affine", bool, True, "Register scale and shear of scans too", predicts=True),
    Option("repeats", int, 6, "Scans that are measured again to know the repeat error", at_least(0)),
    Option(
        "criterion",
        Literal["volume", "diameters"],
        "volume",
        "What a category compares: volumes, or products of two diameters in an axial slice (masks alone)",
        predicts=True,
    ),
    Option(
        "growth",
        float,
        None,
        "Percent above the smallest so far from which it is progression; 40 of volume, 25 of diameters",
        above(0),
        predicts=True,
    ),
    Option(
        "shrinkage",
        float,
        None,
        "Percent below the first from which it is a partial response; 65 of volume, 50 of diameters",
        within(0, 100),
        predicts=True,
    ),
    Option("change_maps", str, None, "Folder that change maps are written to", predicts=True),
    Option("period", float, 1.0, "Length of a period of risk in years", above(0)),
    Option(
        "risk_horizon",
        float,
        None,
        "Years ahead at which risk is judged; the usual time until it happens by default",
        above(0),
    ),
    Option(
        "resamples", int, 60, "Resamples of subjects that intervals of risk are taken from", within(0, 900)
    ),
)
VOLUME_PROGRESSION = RecipeSpec(
    name="volume-progression",
    task="progression",
    steps=Lazy("convscope.kinds.volume.progression.recipe:RECIPE"),
    summary="what changed between visits of a subject, how fast, and the risk of what is to come",
    reads=(
        "scans whose paths tell subjects and visits, such as sub-01/ses-1/ or OAS2_0001_MR1",
        "a table with a subject, a time or visit, and the path of a scan, with a mask or none",
        "a table with a subject, a time, numbers, and what is foretold (--event 'CDR>0')",
    ),
    architectures=("visit_hazard", "change_kernels"),
    options=PROGRESSION_OPTIONS,
    model_options=(
        FILTERS.of(visit_hazard=2),
        Option(
            "l2",
            float,
            None,
            "L2 penalty of kernels, added to the loss; by default it leaves one degree of freedom for ten"
            " subjects whom it happened to",
            at_least(0),
        ).of(visit_hazard=0.02),
    ),
    settings={
        "visit_hazard": {
            "epochs": 40,
            "batch_size": 32,
            "learning_rate": 0.02,
            "precision": "float32",
        },
    },
    ignored_settings=("mixing", "augmentation", "class_weights", "label_smoothing"),
    untried=("architecture",),
)
ARCHITECTURES = (
    Architecture(
        "change_kernels",
        Lazy("convscope.kinds.volume.progression.models:change_kernels"),
        "fixed kernels for gains and losses between two registered scans, which are not trained",
        answers="values",
        input_shape=(32, 32, 32, 2),
    ),
    Architecture(
        "visit_hazard",
        Lazy("convscope.kinds.volume.progression.models:visit_hazard"),
        "the hazard of the years ahead, from the numbers of the last visits",
        answers="values",
        input_shape=(3, 8),
    ),
)
