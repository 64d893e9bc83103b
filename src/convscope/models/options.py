"""Options of architectures that several kinds share; `of` gives the default of each architecture."""

from __future__ import annotations

from typing import Literal

from convscope.option import (
    Choices,
    Counts,
    Multiples,
    Option,
    Steps,
    above,
    at_least,
    several_numbers,
    share,
    single,
    whole_numbers,
)

KERNEL_SIZE = Option(
    "kernel_size",
    int,
    None,
    "Side of the kernels in pixels or positions",
    at_least(1),
    common=True,
    tries=Steps((2,)),
)
KERNEL_SIZES = Option(
    "kernel_sizes",
    tuple[int, ...],
    None,
    "Lengths of the kernels, separated by commas",
    at_least(1),
    parse=several_numbers,
    tries=Multiples((0.5, 2)),
)
DEPTH = Option(
    "depth", int, None, "Number of convolutions or blocks", at_least(1), common=True, tries=Steps((-1, 1))
)
WIDTH = Option(
    "width", int, None, "Number of kernels per convolution", at_least(1), tries=Multiples((0.5, 2))
)
FILTERS = Option(
    "filters",
    Counts,
    None,
    "Number of kernels per convolution",
    single(at_least(1)),
    parse=whole_numbers,
    tries=Multiples((0.5, 2)),
)
DILATIONS = Option(
    "dilations",
    Counts,
    None,
    "Dilation of each layer, separated by commas",
    at_least(1),
    parse=several_numbers,
)
EMBEDDING = Option("embedding", int, None, "Length of a word vector", at_least(1), tries=Multiples((0.5, 2)))
DROPOUT = Option("dropout", float, None, "Dropout rate", share, tries=Choices((0.0, 0.2, 0.5)))
NORMALIZATION = Option(
    "normalization",
    Literal["batch", "instance"],
    None,
    "Over what maps are normalized: a batch, or each sample by itself",
    tries=Choices(("batch", "instance")),
)
DEEP_SUPERVISION = Option(
    "deep_supervision", bool, None, "Whether coarser levels score classes as well, which adds to the outputs"
)
MASKING = Option(
    "masking",
    float,
    None,
    "Largest share of time and frequency that is masked in training",
    tries=Choices((0.0, 0.1, 0.3)),
)
MELS = Option("mels", int, None, "Number of mel bands", at_least(1), tries=Multiples((2,)))
ENSEMBLE = Option("ensemble", int, None, "Number of networks whose probabilities are averaged", at_least(1))
CENTER = Option(
    "center", float, None, "Number around which a regressor predicts; by default the mean of the train split"
)
SPREAD = Option(
    "spread",
    float,
    None,
    "Unit of what a regressor adds to it; by default the standard deviation of the train split",
    above(0),
)
