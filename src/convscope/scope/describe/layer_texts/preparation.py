"""Texts for layers that prepare inputs: numbers, categories, text, sound, and random changes of pictures."""

from __future__ import annotations

from collections.abc import Callable

from convscope.scope.describe import phrasing as words
from convscope.scope.describe.layer_texts.facts import Facts, Text

_PLAIN = (bool, int, float, str, tuple, list, type(None))
_LEFT_OUT = {"name", "trainable", "dtype", "seed", "data_format", "output_mode", "sparse", "fill_value"}
_RANDOM = (
    "It varies what the model sees while training, so that it learns less by heart, and does nothing later."
)


def _settings(*names: str) -> Callable[[Facts], str]:
    """Names these settings of the layer, in the layer's own words."""

    def here(facts: Facts) -> str:
        config = facts.layer.get_config()
        said = []
        for name in names:
            value = config.get(name)
            if value is None or name in _LEFT_OUT or not isinstance(value, _PLAIN):
                continue
            word = name.replace("_", " ")
            said.append(f"{word} {words.number(value) if isinstance(value, float) else _plain(value)}")
        set_to = f"with {words.listed(said)}; " if said else ""
        return f"Here {set_to}{facts.changed}."

    return here


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (list, tuple)):
        return (
            "[" + ", ".join(words.number(v or 0.0) if isinstance(v, float) else str(v) for v in value) + "]"
        )
    return str(value)


def _rescaling(facts: Facts) -> str:
    layer = facts.layer
    scale, offset = layer.scale, layer.offset
    if isinstance(scale, (int, float)) and isinstance(offset, (int, float)):
        inverse = 1 / scale if scale else 0
        by = (
            f"divided by {words.number(inverse)}"
            if scale and abs(inverse - round(inverse)) < 1e-6 and inverse > 1
            else f"multiplied by {words.number(scale)}"
        )
        plus = f", and {words.number(offset)} is added" if offset else ""
        pictures = (
            f" Values of 0 to 255 become {words.number(offset)} to {words.number(255 * scale + offset)}."
        )
        return (
            f"Here each value is {by}{plus}; {facts.changed}.{pictures if len(facts.shape_in) == 3 else ''}"
        )
    return f"Here each channel has its own factor and offset; {facts.changed}."


def _random(what: str, *names: str) -> Text:
    return Text(f"{what} at random. {_RANDOM}", _settings(*names))


TEXTS = {
    "Rescaling": Text("Multiplies every value by a fixed factor and adds a fixed offset.", _rescaling),
    "Resizing": Text(
        "Brings pictures of any size to one size.", _settings("interpolation", "crop_to_aspect_ratio")
    ),
    "CenterCrop": Text("Cuts out the middle of each picture.", _settings("height", "width")),
    "CategoryEncoding": Text(
        "Turns numbers of categories into rows of zeros and ones (or counts), a column per category.",
        _settings("num_tokens", "output_mode"),
    ),
    "Discretization": Text(
        "Replaces each number by the number of the interval it lies in.", _settings("bin_boundaries")
    ),
    "Hashing": Text(
        "Maps categories into a fixed number of bins by a hash; no vocabulary is kept, and some share a bin.",
        _settings("num_bins"),
    ),
    "HashedCrossing": Text(
        "Joins several categories into one, as 'country and language', and hashes it into a fixed number "
        "of bins.",
        _settings("num_bins"),
    ),
    "StringLookup": Text(
        "Replaces words by their numbers in a vocabulary.",
        _settings("num_oov_indices", "max_tokens", "output_mode"),
    ),
    "IntegerLookup": Text(
        "Replaces whole numbers by their places in a vocabulary.",
        _settings("num_oov_indices", "max_tokens", "output_mode"),
    ),
    "TextVectorization": Text(
        "Splits text into words, and replaces them by their numbers in a vocabulary.",
        _settings("max_tokens", "standardize", "split", "output_sequence_length"),
    ),
    "STFTSpectrogram": Text(
        "Cuts sound into short overlapping windows and measures in each how strong every frequency is "
        "(short-time "
        "Fourier transform): a picture of the sound over time.",
        _settings("mode", "frame_length", "frame_step", "fft_length", "window"),
    ),
    "MelSpectrogram": Text(
        "Turns sound into a picture of how strong each pitch is over time, with pitches spaced as the ear "
        "hears them.",
        _settings("fft_length", "sequence_stride", "sequence_length", "sampling_rate", "num_mel_bins"),
    ),
    "MaxNumBoundingBoxes": Text(
        "Cuts or fills the list of boxes around objects to a fixed number.", _settings("max_number")
    ),
    "Pipeline": Text(
        "Applies several preparing layers one after the other.",
        lambda facts: (
            f"Here {words.listed([type(each).__name__ for each in facts.layer.layers])}; {facts.changed}."
        ),
    ),
    "AutoContrast": Text("Segments each picture so that it uses the whole range of values.", _settings()),
    "ContrastLimitedAdaptiveHistogramEqualization": Text(
        "Raises the contrast of each region of a picture by itself, but not without limit.",
        _settings("tile_grid_size"),
    ),
    "Equalization": Text(
        "Spreads the values of each picture so that all levels are equally frequent.", _settings("bins")
    ),
    "Solarization": Text(
        "Inverts all values above a threshold.", _settings("addition_factor", "threshold_factor")
    ),
    "AugMix": _random(
        "Mixes several differently changed copies of a picture", "num_chains", "chain_depth", "factor"
    ),
    "CutMix": _random("Pastes a patch of one picture, with its share of the label, into another", "factor"),
    "MixUp": _random("Blends two pictures and their labels", "alpha"),
    "RandAugment": _random("Applies a few of many kinds of changes to each picture", "num_ops", "factor"),
    "RandomBrightness": _random("Makes pictures brighter or darker", "factor"),
    "RandomColorDegeneration": _random("Pales the colours", "factor"),
    "RandomColorJitter": _random(
        "Changes brightness, contrast, saturation and hue",
        "brightness_factor",
        "contrast_factor",
        "hue_factor",
    ),
    "RandomContrast": _random("Raises or lowers the contrast", "factor"),
    "RandomCrop": _random("Cuts out a piece of each picture", "height", "width"),
    "RandomElasticTransform": _random("Bends pictures like rubber", "factor", "scale"),
    "RandomErasing": _random("Covers a rectangle of each picture", "factor", "scale"),
    "RandomFlip": _random("Mirrors pictures", "mode"),
    "RandomGaussianBlur": _random("Blurs pictures", "factor", "kernel_size", "sigma"),
    "RandomGrayscale": _random("Takes the colours away", "factor"),
    "RandomHue": _random("Shifts the hue", "factor"),
    "RandomInvert": _random("Inverts all values", "factor"),
    "RandomPerspective": _random("Shows pictures from another angle", "factor", "scale"),
    "RandomPosterization": _random("Leaves fewer levels of brightness", "factor"),
    "RandomRotation": _random("Turns pictures", "factor", "fill_mode"),
    "RandomSaturation": _random("Makes colours stronger or weaker", "factor"),
    "RandomSharpness": _random("Sharpens or softens pictures", "factor"),
    "RandomShear": _random("Slants pictures", "x_factor", "y_factor"),
    "RandomTranslation": _random("Shifts pictures", "height_factor", "width_factor", "fill_mode"),
    "RandomZoom": _random("Enlarges or shrinks pictures", "height_factor", "width_factor", "fill_mode"),
}
