"""The list of shipped architectures, and `build`, which makes any of them by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from convscope.errors import UsageError, unknown_name
from convscope.types import Kind

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Architecture:
    """One function that builds a model, with what there is to know before Keras is imported.

    Args:
        name: The name that `build` and the command line take; also the name of the function.
        kind: The kind of data that goes in; None for several.
        module: The file of this room that holds the function.
        summary: One line on what it is.
        answers: What it answers with: a probability for each of so many `classes`; `values` of its own, whose
            number follows from input and options; or `features`, as a bank of kernels that is not trained.
        usual_classes: The number of class names, tags or tokens that it is shown with where none is given.
    """

    name: str
    kind: Kind | None
    module: str
    summary: str
    answers: Literal["classes", "values", "features"] = "classes"
    usual_classes: int = 7

    @property
    def classifies(self) -> bool:
        """Whether it takes a number of classes."""
        return self.answers == "classes"

    @property
    def is_bank(self) -> bool:
        """Whether it is a bank of kernels, which is not trained."""
        return self.answers == "features"

    def function(self) -> Callable[..., keras.Model]:
        """The function itself; imports Keras."""
        function: Callable[..., keras.Model] = getattr(import_module(f"convscope.{self.module}"), self.name)
        return function

    def options(self) -> dict[str, Any]:
        """The options beyond input shape and class count, with their defaults."""
        parameters = inspect.signature(self.function()).parameters
        return {name: p.default for name, p in parameters.items() if p.default is not p.empty}


ARCHITECTURES: dict[str, Architecture] = {
    architecture.name: architecture
    for architecture in (
        Architecture(
            "compact_cnn",
            "image",
            "kinds.image.models",
            "three unpadded convolutions, each pooled; small and fast",
        ),
        Architecture(
            "deep_cnn", "image", "kinds.image.models", "five padded convolutions in four normalized blocks"
        ),
        Architecture(
            "padded_cnn",
            "image",
            "kinds.image.models",
            "convolutions with explicit zero padding, for digits and icons",
        ),
        Architecture(
            "residual_cnn",
            "image",
            "kinds.image.models",
            "a residual network for the best accuracy on small pictures",
        ),
        Architecture(
            "text_cnn",
            "text",
            "kinds.text.classification.models",
            "kernels of several widths over words; small and fast",
        ),
        Architecture(
            "residual_text_cnn",
            "text",
            "kinds.text.classification.models",
            "a deeper residual network over words",
        ),
        Architecture(
            "dilated_tagger",
            "text",
            "kinds.text.tagging.models",
            "dilated convolutions over words and their characters, a CRF",
            usual_classes=9,
        ),
        Architecture(
            "conv_seq2seq",
            "text",
            "kinds.text.translation.models",
            "gated convolutions with attention from text to text",
            usual_classes=6_000,
        ),
        Architecture(
            "separable_ctc",
            "audio",
            "kinds.audio.speech.models",
            "separable convolutions over log-mel energies, from speech to characters",
            usual_classes=28,
        ),
        Architecture(
            "audio_cnn",
            "audio",
            "kinds.audio.classification.models",
            "a residual network over log-mel energies, which it computes itself from the waveform",
        ),
        Architecture(
            "causal_forecaster",
            "series",
            "kinds.series.anomaly.models",
            "dilated causal convolutions that forecast each row, for anomalies and streams",
            answers="values",
        ),
        Architecture(
            "conv_autoencoder",
            "series",
            "kinds.series.anomaly.models",
            "convolutions that squeeze a window of rows and restore it, for anomalies",
            answers="values",
        ),
        Architecture(
            "inception_time",
            "series",
            "kinds.series.classification.models",
            "modules with kernels of several lengths, for the best accuracy",
        ),
        Architecture(
            "minirocket",
            "series",
            "kinds.series.classification.minirocket",
            "fixed kernels and a linear classifier, solved in closed form in seconds",
        ),
        Architecture(
            "fcn",
            "series",
            "kinds.series.classification.models",
            "three convolutions and their mean over time; small and fast",
        ),
        Architecture(
            "life_cnn",
            "series",
            "kinds.series.remaining_life.models",
            "kernels over means of several rows, read by an ensemble of small networks",
            answers="values",
        ),
        Architecture(
            "gabor_bank",
            "image",
            "kinds.image.kernel_banks",
            "fixed kernels for stripes of each width and direction",
            answers="features",
        ),
        Architecture(
            "difference_of_gaussians_bank",
            "image",
            "kinds.image.kernel_banks",
            "fixed kernels for spots and edges of each size",
            answers="features",
        ),
        Architecture(
            "random_convolution",
            None,
            "models.kernel_banks",
            "random kernels of many lengths and dilations, for series, images and volumes",
            answers="features",
        ),
    )
}


def find_architecture(name: str) -> Architecture:
    """Looks an architecture up by name.

    Raises:
        UsageError: No architecture has this name; the nearest names are offered.
    """
    if name not in ARCHITECTURES:
        raise unknown_name("architecture", name, ARCHITECTURES)
    return ARCHITECTURES[name]


def build(
    name: str, input_shape: tuple[int | None, ...], classes: int | None = None, **options: Any
) -> keras.Model:
    """Builds a shipped architecture with fresh weights, or a bank of kernels.

    Args:
        name: One of `ARCHITECTURES`, such as `compact_cnn`.
        input_shape: Shape of one sample without the batch axis, channels last, such as (48, 48, 1); (None,)
            for texts of any length.
        classes: The number of class names, at least 2; not for what knows no classes, such as a bank.
        **options: What the architecture takes besides, such as `kernel_size`, `depth` or `pooling`.

    Returns:
        An uncompiled model from float32 samples of shape (batch, *input_shape) in [0, 1] to float32
        probabilities of shape (batch, classes), or features of shape (batch, d).

    Raises:
        UsageError: An unknown name or option, a shape that the architecture cannot take, or classes for what
            knows none, or none for a classifier.

    Example:
        >>> build("compact_cnn", input_shape=(48, 48, 1), classes=7).count_params()
        224263
    """
    architecture = find_architecture(name)
    known = architecture.options()
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise UsageError(
            f"{name} has no option '{unknown[0]}'.", f"Its options are {', '.join(sorted(known))}."
        )
    if not architecture.classifies:
        if classes is not None:
            raise UsageError(
                f"{name} gives {architecture.answers} and knows no classes. Received: classes={classes}.",
                "Leave the classes out.",
            )
        return architecture.function()(input_shape=tuple(input_shape), **options)
    if classes is None or classes < 2:
        raise UsageError(f"A classifier needs at least 2 classes. Received: classes={classes}.")
    return architecture.function()(input_shape=tuple(input_shape), classes=classes, **options)
