"""Looks into a model: maps, kernels, one position, attribution, statistics, as pictures and as numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from matplotlib.figure import Figure

from convscope.errors import UsageError, unknown_name
from convscope.kinds.contract.value_range import check_range, limits_of, range_of
from convscope.lenses.figures.attribution import draw_attributions, overlays_of
from convscope.lenses.figures.comparison import draw_comparison
from convscope.lenses.figures.kernels import draw_kernels
from convscope.lenses.figures.maps import draw_maps
from convscope.lenses.figures.position import draw_position
from convscope.lenses.figures.statistics import draw_statistics
from convscope.lenses.pages.pages import Picture
from convscope.lenses.views.layer_maps import LayerMaps
from convscope.lenses.views.view import Sample
from convscope.scope.attribution.methods import METHODS as ATTRIBUTIONS
from convscope.scope.attribution.methods import Attribution, attribute
from convscope.scope.channels.kernels import Kernels, kernels
from convscope.scope.channels.position import Position, position
from convscope.scope.channels.statistics import ChannelStatistics, statistics
from convscope.scope.describe.explanation import explain
from convscope.scope.graph.graph import Graph, trace
from convscope.scope.record import Tap, record
from convscope.types import Progress, no_progress
from convscope.workflows.inspect.attention import look_at_attention
from convscope.workflows.inspect.context import (
    InspectionContext,
    InspectionRequest,
    chosen_layers,
    drawn_samples,
)
from convscope.workflows.inspect.front_end import front_end_of
from convscope.workflows.inspect.inspection import Inspection, made_look
from convscope.workflows.inspect.patches import look_for_patches
from convscope.workflows.inspect.predictions import look_at_answers
from convscope.workflows.load_model import LoadedModel
from convscope.workflows.model_inputs.model_inputs import ModelInputs

if TYPE_CHECKING:
    from rich.text import Text

METHODS: Mapping[str, str] = {
    "maps": "feature maps of early, middle and late layers",
    "kernels": "the kernels of a layer, and what excites them most",
    "position": "how one position of one map is computed",
    "why": "what speaks for the prediction, by several methods",
    "statistics": "what each channel does over a data set",
    "patches": "the parts of a data set that excite each kernel most",
    "answers": "what a run answers, drawn over its inputs: alarms of series, remaining lives of units",
    "attention": "which words of a source each word of its translation looks at",
}
WHY = ("grad-cam", "integrated-gradients")


def look(
    opened: LoadedModel, given: ModelInputs | None, wish: InspectionRequest, progress: Progress = no_progress
) -> Inspection:
    """Looks into a model.

    Args:
        opened: The model.
        given: Inputs; `kernels` needs none.
        wish: What is to be seen.
        progress: Is told how far it is.

    Raises:
        UsageError: An unknown method, layer, class or option, or inputs that the model does not take.
    """
    method = "why" if wish.method in ATTRIBUTIONS else wish.method
    if method not in METHODS:
        raise unknown_name("method", wish.method, [*METHODS, *ATTRIBUTIONS])
    if method == "kernels":
        return _kernels(opened, wish, progress)
    if given is None or not len(given):
        raise UsageError(
            f"To see {METHODS[method]}, an input is needed.", "Give a file, a folder or an array."
        )
    return _WAYS[method](opened, given, wish, progress)


def _texts(model: keras.Model, x: Any) -> dict[str, str]:
    """One line on each layer."""
    return {layer.path: layer.here for layer in explain(model, inputs=x).layers}


def _maps(opened: LoadedModel, given: ModelInputs, wish: InspectionRequest, progress: Progress) -> Inspection:
    scene = InspectionContext(opened, given, wish.layers, 3)
    recording = scene.record()
    texts = _texts(opened.model, scene.x)

    def of(i: int) -> list[LayerMaps]:
        made = []
        for call in scene.calls:
            tap = recording[call.path]
            made.append(_layer_maps(tap, texts.get(call.path, ""), i, scene.over(call.path)))
        return made

    samples = [scene.sample(i, recording.predictions) for i in range(scene.count)]
    title = f"Feature maps of {opened.name}"
    options: dict[str, Any] = {"channels": wish.channels, "scale": wish.scale, "title": title}

    def compared(j: int, theme: str) -> Figure:
        narrow = [replace(each, caption=each.caption.removeprefix("predicted ")) for each in samples]
        return draw_comparison(narrow, [of(i)[j] for i in range(scene.count)], theme=theme, **options)

    def alone(i: int, theme: str) -> Figure:
        return draw_maps(samples[i], of(i), theme=theme, **options)

    if wish.compare:
        pictures = [
            Picture(partial(compared, j), f"{call.path} of {scene.count} inputs")
            for j, call in enumerate(scene.calls)
        ]
    else:
        pictures = [
            Picture(partial(alone, i), f"feature maps of {samples[i].name}") for i in range(scene.count)
        ]
    arrays = {f"input/{name}": array for name, array in _named(scene).items()}
    arrays |= {f"maps/{call.path}": recording[call.path].array for call in scene.calls}
    arrays |= {f"output/{n}": a for n, a in zip(scene.graph.output_names, recording.predictions, strict=True)}
    layers = {
        call.path: {
            "text": texts.get(call.path, ""),
            "receptive_field": _listed(recording[call.path].geometry.receptive_field),
            "stride": _listed(recording[call.path].geometry.stride),
        }
        for call in scene.calls
    }
    about: dict[str, Any] = {"inputs": [sample.name for sample in samples], "layers": layers}
    about |= _tokens(samples)
    return made_look(opened, "maps", title, pictures, arrays, about, scene.notes)


def _tokens(samples: Sequence[Sample]) -> dict[str, dict[str, list[str]]]:
    """What the positions of each sample are called; empty where they have no names."""
    named = {sample.name: list(sample.view.names) for sample in samples}
    return {"tokens": named} if any(named.values()) else {}


def _layer_maps(tap: Tap, text: str, i: int, over: int) -> LayerMaps:
    return LayerMaps.of(tap.path, text, tap.array[i], tap.geometry, over)


def _kernels(opened: LoadedModel, wish: InspectionRequest, progress: Progress) -> Inspection:
    graph = trace(opened.model)
    calls, how = chosen_layers(graph, wish.layers)
    check_range(wish.value_range)
    low, high = limits_of(range_of(opened.model) if wish.value_range == "auto" else wish.value_range)
    pictures: list[Picture] = []
    arrays: dict[str, np.ndarray] = {}
    about: dict[str, Any] = {}
    for done, call in enumerate(calls):
        progress(done, len(calls), "kernels")
        found = kernels(opened.model, call.path, excite=wish.excite, seed=wish.seed, low=low, high=high)
        drawn = partial(_draw_kernels, found, max(wish.channels, 1), _rate(opened, graph))
        pictures.append(Picture(drawn, f"kernels of {call.path}"))
        arrays |= {f"{call.path}/weights": found.weights, f"{call.path}/norms": found.norms}
        if found.excitations is not None:
            arrays[f"{call.path}/excitations"] = found.excitations
        about[call.path] = {"type": found.type, "excited": list(found.chosen)}
    notes = [how] if how else []
    return made_look(
        opened, "kernels", f"Kernels of {opened.name}", pictures, arrays, {"layers": about}, notes
    )


def _draw_kernels(found: Kernels, channels: int, rate: float | None, theme: str) -> Figure:
    return draw_kernels(found, channels=channels, theme=theme, rate=rate)


def _rate(opened: LoadedModel, graph: Graph) -> float | None:
    """Positions of the model's input per second, where that is known."""
    found = front_end_of(graph)
    return float(found[1].rate) if found is not None else getattr(opened.representation, "rate", None)


def _draw_position(found: Position, sample: Sample, theme: str) -> Figure:
    return draw_position(found, sample, theme=theme)


def _position(
    opened: LoadedModel, given: ModelInputs, wish: InspectionRequest, progress: Progress
) -> Inspection:
    scene = InspectionContext(opened, given, wish.layers[:1], 1)
    call = scene.calls[0]
    pictures: list[Picture] = []
    arrays: dict[str, np.ndarray] = {}
    about: dict[str, Any] = {}
    for i in range(scene.count):
        found = position(opened.model, scene.one(i), call.path, wish.channel, wish.at)
        sample = scene.sample(i)
        pictures.append(
            Picture(partial(_draw_position, found, sample), f"one position of {call.path} for {sample.name}")
        )
        key = sample.name
        arrays |= {
            f"{key}/{name}": np.asarray(getattr(found, name))
            for name in ("patch", "kernel", "products", "padded", "map")
        }
        numbers = ("channel", "at", "sum", "bias", "before", "activation", "value", "input_window")
        about[key] = {name: _plain(getattr(found, name)) for name in numbers}
    title = f"One position of {call.path}"
    return made_look(
        opened, "position", title, pictures, arrays, {"layer": call.path, "inputs": about}, scene.notes
    )


def _why(opened: LoadedModel, given: ModelInputs, wish: InspectionRequest, progress: Progress) -> Inspection:
    scene = InspectionContext(opened, given, (), 0)
    methods = [wish.method] if wish.method in ATTRIBUTIONS else list(WHY)
    target = _target(wish.target, opened.class_names)
    layer = wish.layers[0] if wish.layers else None
    front_end = front_end_of(scene.graph)
    found: dict[str, list[Attribution]] = {}
    for done, name in enumerate(methods):
        progress(done, len(methods), f"attribution, {name}")
        family = ATTRIBUTIONS[name].family
        takes_layer = layer if family == "cam" or len(methods) == 1 else None
        if takes_layer is None and family == "gradient" and front_end is not None:
            takes_layer = front_end[0]  # a waveform swings around 0, and so does what its values add
        found[name] = attribute(
            opened.model,
            scene.x,
            name,
            layer=takes_layer,
            target=target,
            output=wish.output,
            seed=wish.seed,
            **wish.options,
        )
        place = found[name][0].path
        why = found[name][0].details.get("layer", "")
        scene.notes.append(f"{name} at {place or 'the input'}{f', {why}' if why else ''}")
    outputs = record(opened.model, scene.x, []).predictions if wish.output is None else ()
    title = f"What speaks for the prediction of {opened.name}"

    samples = [scene.sample(i, outputs) for i in range(scene.count)]

    def shown(i: int) -> list[Attribution]:
        return [_as_drawn(each[i], len(scene.graph.inputs) == 1) for each in found.values()]

    def draw(i: int, theme: str) -> Figure:
        return draw_attributions(
            samples[i], shown(i), class_names=opened.class_names, theme=theme, title=title
        )

    def write(i: int) -> str:
        return samples[i].view.overlay_markup(overlays_of(shown(i), opened.class_names))

    def say(i: int) -> list[tuple[str, Text]]:
        overlays = overlays_of(shown(i), opened.class_names)
        found = [(each.attribution.method, samples[i].view.overlay_text(each)) for each in overlays]
        return [(method, text) for method, text in found if text is not None]

    pictures = [
        Picture(
            partial(draw, i),
            f"attribution for {sample.name}",
            markup=partial(write, i),
            terminal=partial(say, i),
        )
        for i, sample in enumerate(samples)
    ]
    arrays = {
        f"{given.names[i]}/{name}": each[i].values for name, each in found.items() for i in range(scene.count)
    }
    about: dict[str, Any] = {
        given.names[i]: {
            name: {
                "layer": each[i].path,
                "output": each[i].output,
                "target": each[i].target,
                "score": each[i].score,
                "signed": each[i].signed,
                "details": each[i].details,
            }
            for name, each in found.items()
        }
        for i in range(scene.count)
    }
    whole: dict[str, Any] = {"inputs": about}
    whole |= _tokens(samples)
    return made_look(opened, "why", title, pictures, arrays, whole, scene.notes)


def _statistics(
    opened: LoadedModel, given: ModelInputs, wish: InspectionRequest, progress: Progress
) -> Inspection:
    graph = trace(opened.model, given.first(1))
    calls, how = chosen_layers(graph, wish.layers)
    classes = len(given.class_names) if given.class_names else None
    found = statistics(
        opened.model,
        given.batches(progress),
        [call.path for call in calls],
        labels=given.labels,
        classes=classes,
    )

    shown = max(wish.channels // 2, 1)

    def draw(stats: ChannelStatistics, samples: Mapping[int, Sample], theme: str) -> Figure:
        return draw_statistics(stats, samples, given.class_names, channels=shown, theme=theme)

    pictures: list[Picture] = []
    arrays: dict[str, np.ndarray] = {}
    about: dict[str, Any] = {}
    for path, stats in found.items():
        wanted = _samples_drawn(stats, shown)
        taken = given.take(np.array(wanted, np.int64))
        drawn = drawn_samples(opened.model, graph, given, wanted, taken)
        samples = dict(zip(wanted, drawn, strict=True))
        pictures.append(Picture(partial(draw, stats, samples), f"statistics of {path}"))
        names = ("mean", "spread", "zeros", "largest", "dead", "top_samples", "top_values")
        arrays |= {f"{path}/{name}": np.asarray(getattr(stats, name)) for name in names}
        if stats.class_means is not None:
            arrays[f"{path}/class_means"] = stats.class_means
        about[path] = {
            "samples": stats.samples,
            "dead": int(stats.dead.sum()),
            "duplicates": [list(pair) for pair in stats.duplicates],
            "nonfinite": stats.nonfinite,
        }
    notes = [*given.notes, *([how] if how else [])]
    if given.class_names:
        notes.append(f"classes: {', '.join(given.class_names)}, from the names of folders")
    title = f"Channels of {opened.name} over {len(given)} samples"
    return made_look(opened, "statistics", title, pictures, arrays, {"layers": about}, notes)


def _as_drawn(attribution: Attribution, single: bool) -> Attribution:
    """Without what the picture says elsewhere: why the layer was chosen, and the name of an only input."""
    said = {"layer", "input"} if single else {"layer"}
    details = {name: value for name, value in attribution.details.items() if name not in said}
    return replace(attribution, details=details)


def _samples_drawn(stats: ChannelStatistics, channels: int) -> list[int]:
    """Numbers of the samples that excite the channels of largest mean most."""
    order = np.argsort(-np.nan_to_num(stats.mean, nan=-np.inf), kind="stable")[:channels]
    return sorted({int(i) for i in stats.top_samples[order].ravel()})


def _target(target: int | str | None, class_names: Sequence[str] | None) -> int | None:
    if target is None or isinstance(target, int):
        return target
    if class_names and target in class_names:
        return class_names.index(target)
    if target.isdigit():
        return int(target)
    if not class_names:
        raise UsageError(
            f"The model knows no class names, so '{target}' means nothing to it.", "Give the class' index."
        )
    raise unknown_name("class", target, class_names)


def _named(scene: InspectionContext) -> dict[str, np.ndarray]:
    return dict(zip(scene.graph.input_names, keras.tree.flatten(scene.x), strict=True))


def _listed(values: Any) -> Any:
    return None if values is None else list(values)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value.item() if isinstance(value, np.generic) else value


_WAYS: Mapping[str, Callable[[LoadedModel, ModelInputs, InspectionRequest, Progress], Inspection]] = {
    "maps": _maps,
    "position": _position,
    "why": _why,
    "statistics": _statistics,
    "patches": look_for_patches,
    "answers": look_at_answers,
    "attention": look_at_attention,
}
