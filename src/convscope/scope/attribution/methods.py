"""Attribution: which positions of the input speak for a class, by ten methods under one function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal

import numpy as np

from convscope.errors import UsageError, unknown_name
from convscope.types import ArrayTree, Progress, no_progress

if TYPE_CHECKING:
    import keras

    from convscope.scope.attribution.query import AttributionQuery, AttributionValues
    from convscope.scope.attribution.targets import Where

Score = Literal["logit", "probability"]
LAST_WITH_POSITIONS = "the last whose maps still have positions"
EMBEDDING = "the embedding, as token ids cannot change a little"
NARROWEST = "the widest convolution of the lowest resolution, which sees most around a position"
JOINED = "where all that is known of a token is joined, as token ids cannot change a little"


@dataclass(frozen=True)
class Attribution:
    """Why a model gives one sample the value that it gives, position by position.

    Args:
        method: Name of the method, one of `METHODS`.
        path: The layer it was taken at; None where it was taken at the input.
        output: Name of the model's output.
        target: Index of the class or unit that is explained.
        score: The model's own value for the target: a probability where the model ends in softmax or sigmoid.
        values: One number per position of the input, without channels, float32: (length,), (rows, columns)
            or (depth, rows, columns); (features,) for an input that has no positions.
        signed: Whether values below 0 speak against the target; False: all values are 0 or more.
        details: What else there is to know, such as `explained` (before or after which activation),
            `input` (its name), `token` (whose output is explained, from 1), `layer` (how it was chosen,
            where none was named), `completeness_gap`, `steps`, and `nonfinite` (how many values are NaN or
            infinite, where there are any).
        parts: What each channel adds, (*positions, channels), float32, at the resolution of the layer or of
            the input where it was taken; None where the method does not tell channels apart. Of maps over the
            time and the bands of a waveform (frames, bands), at the resolution of the front end.
        at: The position of the output whose value is explained, of an output with a class for each position;
            None where the output has none, or their mean is explained.
    """

    method: str
    path: str | None
    output: str
    target: int
    score: float
    values: np.ndarray
    signed: bool
    details: dict[str, float | str]
    parts: np.ndarray | None = None
    at: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Method:
    """One method, with what there is to know before Keras is imported.

    Args:
        name: The name that `attribute` and the command line take.
        family: `cam` works on feature maps of a layer, `gradient` on the input or a layer, `perturbation`
            on the input alone; also the file of this room that holds the function.
        summary: One line on what it does.
        source: Authors, year and title.
    """

    name: str
    family: Literal["cam", "gradient", "perturbation"]
    summary: str
    source: str

    def function(self) -> Callable[..., AttributionValues]:
        """The function itself; imports Keras."""
        module = import_module(f"convscope.scope.attribution.{self.family}")
        word = self.name.replace("++", "_plus_plus").replace("-", "_")
        function: Callable[..., AttributionValues] = getattr(module, word)
        return function

    def options(self) -> dict[str, object]:
        """The options that only this method takes, with their defaults."""
        parameters = inspect.signature(self.function()).parameters
        return {name: p.default for name, p in parameters.items() if p.default is not p.empty}


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            "grad-cam",
            "cam",
            "feature maps of a layer, each weighted by its mean gradient",
            "Selvaraju et al. 2017, Grad-CAM: Visual Explanations from Deep Networks via Gradient-based "
            "Localization",
        ),
        Method(
            "grad-cam++",
            "cam",
            "Grad-CAM with weights that find several instances of a class",
            "Chattopadhay et al. 2018, Grad-CAM++: Generalized Gradient-Based Visual Explanations for Deep "
            "Convolutional Networks",
        ),
        Method(
            "layer-cam",
            "cam",
            "feature maps weighted position by position; sharp in early layers too",
            "Jiang et al. 2021, LayerCAM: Exploring Hierarchical Class Activation Maps for Localization",
        ),
        Method(
            "score-cam",
            "cam",
            "feature maps weighted by the score that the input keeps under each of them; no gradients",
            "Wang et al. 2020, Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural "
            "Networks",
        ),
        Method(
            "saliency",
            "gradient",
            "size of the gradient: where a small change changes the score most",
            "Simonyan et al. 2014, Deep Inside Convolutional Networks: Visualising Image Classification "
            "Models and Saliency Maps",
        ),
        Method(
            "smoothgrad",
            "gradient",
            "gradient averaged over noisy copies of the input",
            "Smilkov et al. 2017, SmoothGrad: removing noise by adding noise",
        ),
        Method(
            "integrated-gradients",
            "gradient",
            "shares of the score that sum up to its difference from a baseline",
            "Sundararajan et al. 2017, Axiomatic Attribution for Deep Networks",
        ),
        Method(
            "guided-backpropagation",
            "gradient",
            "gradient that passes back through ReLU only where it is positive",
            "Springenberg et al. 2015, Striving for Simplicity: The All Convolutional Net",
        ),
        Method(
            "occlusion",
            "perturbation",
            "how much the score falls when a window of the input is covered",
            "Zeiler and Fergus 2014, Visualizing and Understanding Convolutional Networks",
        ),
        Method(
            "rise",
            "perturbation",
            "mean score under random masks that leave a position visible",
            "Petsiuk et al. 2018, RISE: Randomized Input Sampling for Explanation of Black-box Models",
        ),
    )
}


def find_method(name: str) -> Method:
    """Looks a method up by name.

    Raises:
        UsageError: No method has this name; the nearest names are offered.
    """
    if name not in METHODS:
        raise unknown_name("attribution method", name, METHODS)
    return METHODS[name]


def attribute(
    model: keras.Model,
    x: ArrayTree,
    method: str = "grad-cam",
    *,
    layer: str | None = None,
    target: int | Sequence[int] | None = None,
    output: str | None = None,
    at: Where = "surest",
    score: Score | None = None,
    input_name: str | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
    **options: object,
) -> list[Attribution]:
    """Explains what a model gives for each sample.

    A single sigmoid unit is taken as two classes: target 1 is the unit, target 0 its complement. Of an output
    with a class for each position (segmentation) the value at one position is explained.

    Args:
        model: Any Keras model that has been built.
        x: Samples with the batch axis: one array, a list for several inputs, or a dict by input name.
        method: One of `METHODS`.
        layer: Path of a layer. For the CAM methods by default the last one whose maps still have positions;
            for the gradient methods the input itself by default, or the embedding of token ids; the
            perturbation methods take none.
        target: Index of the class or unit, one for all samples or one each; by default the predicted one.
        output: Name of an output; by default the first.
        at: Which position of an output that has positions: one such as (3, 27); `surest`: that of the largest
            value of the target, or of the predicted classes but the most frequent one; `uncertain`: that of
            the smallest distance between the two largest values; or `mean`: all of them on average.
        score: `logit` explains the value before a last softmax or sigmoid, `probability` the value after it.
            By default `logit` for methods that use gradients, which softmax mixes with those of the other
            classes, and for the others what the model gives.
        input_name: Which of several inputs is explained; by default the first that has positions.
        batch_size: How many samples, or changed copies of samples, are computed at once; bounds the memory.
            By default up to 32, fewer of samples with many positions.
        seed: For the methods that draw noise or masks.
        progress: Receives how many changed copies of the samples are computed, after each batch of them.
        **options: What only this method takes, see its own function.

    Returns:
        One attribution per sample. The model is left as it was.

    Raises:
        UsageError: An unknown method, layer, output, target or option (the nearest names are offered); a
            layer without positions for a CAM method; a gradient asked for at whole numbers that no embedding
            looks up; samples of the wrong shape; no predicted class because the model gives NaN.

    Example:
        >>> import keras, numpy as np
        >>> model = keras.Sequential(
        ...     [
        ...         keras.Input((8, 8, 1)),
        ...         keras.layers.Conv2D(4, 3),
        ...         keras.layers.GlobalAveragePooling2D(),
        ...         keras.layers.Dense(3, activation="softmax"),
        ...     ]
        ... )
        >>> attribute(model, np.ones((1, 8, 8, 1)), target=2)[0].values.shape
        (8, 8)
    """
    from convscope.scope.attribution.request import ask

    chosen = find_method(method)
    known = chosen.options()
    wrong = sorted(set(options) - set(known))
    if wrong:
        raise UsageError(
            f"{method} has no option '{wrong[0]}'.", f"Its options are {', '.join(sorted(known)) or 'none'}."
        )
    if layer is not None and chosen.family == "perturbation":
        raise UsageError(
            f"{method} perturbs the input and takes no layer. Received: layer='{layer}'.",
            "Omit layer.",
        )
    if score is None and (chosen.family == "gradient" or (chosen.family == "cam" and method != "score-cam")):
        score = "logit"
    query = ask(
        model,
        x,
        layer=layer,
        target=target,
        output=output,
        at=at,
        score=score,
        input_name=input_name,
        batch_size=batch_size,
        seed=seed,
        progress=progress,
    )
    found = chosen.function()(query, **options)
    return [_answer(method, query, found, sample) for sample in range(query.samples)]


def _answer(method: str, query: AttributionQuery, found: AttributionValues, sample: int) -> Attribution:
    values = found.values[sample].astype("float32", copy=False)
    at = query.position_of(sample)
    why = JOINED if query.joined is not None else EMBEDDING
    if METHODS[method].family == "cam":
        why = NARROWEST if query.narrowest is not None else LAST_WITH_POSITIONS
    sources = (query.source, *(query.joined[1] if query.joined is not None else ()))
    details: dict[str, float | str] = {
        "explained": query.explained,
        "input": ", ".join(query.graph.input_names[at] for at in sources),
        **({"token": float(query.places[sample] + 1)} if query.places is not None and at is None else {}),
        **({"layer": why} if found.path and query.layer is None else {}),
        **(found.details[sample] if found.details else {}),
    }
    missing = values.size - int(np.isfinite(values).sum())
    if missing:
        details["nonfinite"] = float(missing)
    return Attribution(
        method,
        found.path,
        query.graph.output_names[query.output],
        int(query.targets[sample]),
        float(query.own_values[sample]),
        values,
        found.signed,
        details,
        None if found.parts is None else found.parts[sample].astype("float32", copy=False),
        at,
    )
