"""Layers that prepare inputs: numbers, categories, text, sound, and random changes of images."""

from __future__ import annotations

import math
from collections.abc import Callable

import keras

from convscope import phrasing
from convscope.scope.facts import Facts
from convscope.scope.geometry.rules import pointwise
from convscope.scope.layer_spec import LayerSpec, Trait, register
from convscope.scope.sizes import Shapes, channels, count

_PLAIN = (bool, int, float, str, tuple, list)
_RANDOM = "Data augmentation in training; at inference it does nothing."


def _settings(*names: str) -> Callable[[Facts], str]:
    """Names these settings of the layer, as Keras calls them."""

    def here(facts: Facts) -> str:
        config = facts.layer.get_config()
        said = [f"{name}={_plain(config[name])}" for name in names if isinstance(config.get(name), _PLAIN)]
        return f"{', '.join(said)}: {facts.changed}." if said else phrasing.sentence(facts.changed)

    return here


def _plain(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_plain(each) for each in value)}]"
    return phrasing.number(value) if isinstance(value, float) else str(value)


def _rescaling(facts: Facts) -> str:
    scale, offset = facts.layer.scale, facts.layer.offset
    if not (isinstance(scale, (int, float)) and isinstance(offset, (int, float))):
        return f"A factor and an offset per channel. {facts.stays}"
    inverse = 1 / scale if scale else 0
    whole = inverse > 1 and abs(inverse - round(inverse)) < 1e-6
    by = f"Divided by {phrasing.number(inverse)}" if whole else f"Multiplied by {phrasing.number(scale)}"
    plus = f", offset {phrasing.number(offset)}" if offset else ""
    ends = f"{phrasing.number(offset)} to {phrasing.number(255 * scale + offset)}"
    bytes_ = f" 0 to 255 become {ends}." if len(facts.shape_in) == 3 else ""
    return f"{by}{plus}. {facts.stays}{bytes_}"


def _pipeline(facts: Facts) -> str:
    return facts.shape_sentence(phrasing.listed([type(each).__name__ for each in facts.layer.layers]))


def _spectrogram_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int:
    """Each frame times the window of every frequency, once for the real and once for the imaginary part."""
    first = layer.data_format == "channels_first"
    steps = count(inputs[0][2:] if first else inputs[0][1:2])
    apart = layer.frame_step or layer.frame_length // 2
    frames = -(-steps // apart) if layer.padding == "same" else (steps - layer.frame_length) // apart + 1
    parts = 1 if layer.mode in ("real", "imag") else 2
    bins = (layer.fft_length or 2 ** math.ceil(math.log2(layer.frame_length))) // 2 + 1
    return int(frames * channels(layer, inputs[0]) * parts * layer.frame_length * bins)


_OTHERS = {
    "Resizing": ("Resizes images to a fixed size.", "interpolation", "crop_to_aspect_ratio"),
    "CenterCrop": ("Crops the center of each image.", "height", "width"),
    "CategoryEncoding": ("Encodes categories as one-hot, multi-hot or count vectors.", "num_tokens"),
    "Discretization": ("Replaces each number by the index of its interval.", "bin_boundaries"),
    "Hashing": ("Hashes categories into a fixed number of bins; different ones may share a bin.", "num_bins"),
    "HashedCrossing": ("Combines categories and hashes them into a fixed number of bins.", "num_bins"),
    "StringLookup": ("Replaces strings by their indices in a vocabulary.", "num_oov_indices", "max_tokens"),
    "IntegerLookup": (
        "Replaces integers by their indices in a vocabulary.",
        "num_oov_indices",
        "max_tokens",
    ),
    "TextVectorization": (
        "Splits text into words and replaces them by their indices in a vocabulary.",
        "max_tokens",
        "standardize",
        "split",
        "output_sequence_length",
    ),
    "MaxNumBoundingBoxes": ("Cuts or pads the list of bounding boxes to a fixed number.", "max_number"),
    "AutoContrast": ("Stretches the values of each image over the whole range.",),
    "ContrastLimitedAdaptiveHistogramEqualization": (
        "Equalizes the histogram of each region of an image, with limited contrast.",
        "tile_grid_size",
    ),
    "Equalization": ("Equalizes the histogram of each image.", "bins"),
    "Solarization": ("Inverts all values above a threshold.", "addition_factor", "threshold_factor"),
}
_AUGMENTATIONS = {
    "AugMix": ("Mixes several augmented copies of an image", "num_chains", "chain_depth", "factor"),
    "CutMix": ("Pastes a patch of one image, and its share of the label, into another", "factor"),
    "MixUp": ("Blends two images and their labels", "alpha"),
    "RandAugment": ("Applies a few random augmentations to each image", "num_ops", "factor"),
    "RandomBrightness": ("Changes the brightness at random", "factor"),
    "RandomColorDegeneration": ("Desaturates colors at random", "factor"),
    "RandomColorJitter": (
        "Changes brightness, contrast, saturation and hue at random",
        "brightness_factor",
        "contrast_factor",
        "hue_factor",
    ),
    "RandomContrast": ("Changes the contrast at random", "factor"),
    "RandomCrop": ("Crops images at random", "height", "width"),
    "RandomElasticTransform": ("Deforms images elastically at random", "factor", "scale"),
    "RandomErasing": ("Erases a random rectangle of each image", "factor", "scale"),
    "RandomFlip": ("Flips images at random", "mode"),
    "RandomGaussianBlur": ("Blurs images at random", "factor", "kernel_size", "sigma"),
    "RandomGrayscale": ("Turns images gray at random", "factor"),
    "RandomHue": ("Shifts the hue at random", "factor"),
    "RandomInvert": ("Inverts values at random", "factor"),
    "RandomPerspective": ("Changes the perspective at random", "factor", "scale"),
    "RandomPosterization": ("Reduces the number of levels at random", "factor"),
    "RandomRotation": ("Rotates images at random", "factor", "fill_mode"),
    "RandomSaturation": ("Changes the saturation at random", "factor"),
    "RandomSharpness": ("Sharpens or blurs images at random", "factor"),
    "RandomShear": ("Shears images at random", "x_factor", "y_factor"),
    "RandomTranslation": ("Shifts images at random", "height_factor", "width_factor", "fill_mode"),
    "RandomZoom": ("Zooms images at random", "height_factor", "width_factor", "fill_mode"),
}
_FIXED: frozenset[Trait] = frozenset({"fixed weights"})

register(
    LayerSpec(
        "Rescaling",
        "preparation",
        "Multiplies every value by a fixed factor and adds a fixed offset.",
        _rescaling,
        pointwise,
        traits=frozenset({"scales"}),
    ),
    LayerSpec(
        "STFTSpectrogram",
        "preparation",
        "Computes a spectrogram by short-time Fourier transform: the strength of each frequency in short, "
        "overlapping windows.",
        _settings("mode", "frame_length", "frame_step", "fft_length", "window"),
        multiply_adds=_spectrogram_cost,
        traits=_FIXED,
    ),
    LayerSpec(
        "MelSpectrogram",
        "preparation",
        "Computes a mel spectrogram: the energy over time in bands that are equally spaced in perceived "
        "pitch.",
        _settings("fft_length", "sequence_stride", "sequence_length", "sampling_rate", "num_mel_bins"),
        multiply_adds=None,
        traits=_FIXED,
    ),
    LayerSpec("Pipeline", "preparation", "Applies several preprocessing layers in a row.", _pipeline),
    *(LayerSpec(name, "preparation", about, _settings(*names)) for name, (about, *names) in _OTHERS.items()),
    *(
        LayerSpec(
            name,
            "preparation",
            f"{about}. {_RANDOM}",
            _settings(*names),
            pointwise if name.startswith("Random") else None,
        )
        for name, (about, *names) in _AUGMENTATIONS.items()
    ),
)
