"""What a reviewer would remark about a model, with places and numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import keras

from convscope.scope.describe import phrasing as words
from convscope.scope.describe import review_values
from convscope.scope.describe.key_points import Overview
from convscope.scope.describe.layer_texts.pooling import left_over
from convscope.scope.describe.note import Note
from convscope.scope.graph.core_layers import ATTENTION, CONVOLUTIONS, RECURRENT, core_class
from convscope.scope.graph.graph import Call
from convscope.scope.graph.links import PASSING, activation

if TYPE_CHECKING:
    from convscope.scope.channels.statistics import ChannelStatistics

__all__ = ["Note", "review"]

_HALF = ("float16", "bfloat16")
_LINEAR = frozenset({"Dense", *(f"Conv{rank}D" for rank in (1, 2, 3))})
_FEW = 10_000
_LAST = {"pixel": "row and column", "step": "step", "token": "token", "word": "word"}
_NAMES_SHOWN = 4


def review(
    overview: Overview, model: keras.Model, statistics: Mapping[str, ChannelStatistics] | None = None
) -> tuple[Note, ...]:
    """Looks a model through for what is usually a mistake, a waste, or a surprise.

    Args:
        overview: The model's calls, geometry and costs.
        model: The model; its weights are looked at.
        statistics: What its channels did over a data set, by path, to find kernels that never fire.

    Returns:
        Notes, the weightiest first; none where there is nothing to say.
    """
    notes = review_values.broken_weights(overview, model)
    for check in _CHECKS:
        notes += check(overview)
    notes += review_values.unused_layers(overview, model)
    notes += review_values.frozen_layers(overview)
    notes += review_values.silent_kernels(statistics or {})
    return tuple(notes)


def _named(paths: Sequence[str]) -> str:
    """Places, the first few by name."""
    shown = [f"'{path}'" for path in paths[:_NAMES_SHOWN]]
    if len(paths) > _NAMES_SHOWN:
        return f"{', '.join(shown)} and {len(paths) - _NAMES_SHOWN} more"
    return words.listed(shown)


def _dense_heavy(overview: Overview) -> list[Note]:
    whole = overview.all_parameters
    others = any(core_class(call.layer) in CONVOLUTIONS for call in overview.leaves)
    for call in overview.leaves:
        held = overview.parameters.get(call.path, 0)
        if core_class(call.layer) != "Dense" or held * 2 <= whole or whole < _FEW or not others:
            continue
        inputs, units = call.input_shapes[0][-1], call.layer.units
        text = (
            f"Most parameters sit in one Dense layer: {held:,} of {whole:,} "
            f"({words.percent(held, whole)}), because it "
            f"connects {inputs:,} values with {units:,} units."
        )
        behind = overview.links.maker(call.inputs[0]) if call.inputs else None
        if behind is not None and core_class(behind.layer) == "Flatten" and len(behind.input_shapes[0]) > 2:
            channels = behind.input_shapes[0][-1]
            if channels:
                text += (
                    f" Global average pooling instead of Flatten would leave it {channels * units + units:,}."
                )
        return [Note("parameters", (call.path,), text)]
    return []


def _odd_dropout(overview: Overview) -> list[Note]:
    notes = []
    for call in overview.leaves:
        if core_class(call.layer) not in (
            "Dropout",
            "SpatialDropout1D",
            "SpatialDropout2D",
            "SpatialDropout3D",
        ):
            continue
        rate = float(call.layer.rate)
        if getattr(call.layer, "noise_shape", None) is not None:
            continue
        if 0 < rate < 0.05:
            text = (
                f"Dropout of {words.number(rate)} in '{call.path}' drops one value in {round(1 / rate)}: "
                "too few to "
                f"matter. Usual are 0.1 to 0.5; was {words.number(10 * rate)} meant?"
            )
        elif rate > 0.7:
            text = (
                f"Dropout of {words.number(rate)} in '{call.path}' keeps only {100 * (1 - rate):.3g}% of "
                "the values "
                "while training; usual are 0.1 to 0.5."
            )
        else:
            continue
        notes.append(Note("dropout", (call.path,), text))
    return notes


def _half_softmax(overview: Overview) -> list[Note]:
    notes = []
    for call in overview.leaves:
        kind = str(getattr(call.layer, "compute_dtype", "") or call.outputs[0].dtype if call.outputs else "")
        if activation(call) == "softmax" and kind in _HALF:
            digits = "3 decimal digits" if kind == "float16" else "2 decimal digits"
            text = (
                f"The softmax of '{call.path}' is computed in {kind}, which has about {digits}: small "
                'probabilities are lost and the loss becomes inexact. Give that layer dtype="float32".'
            )
            notes.append(Note("precision", (call.path,), text))
    return notes


def _lonely_softmax(overview: Overview) -> list[Note]:
    return [
        Note(
            "activation",
            (call.path,),
            f"The softmax of '{call.path}' runs over a single unit and is therefore always 1; a sigmoid is "
            "meant.",
        )
        for call in overview.leaves
        if activation(call) == "softmax" and call.output_shapes and _softmax_size(call) == 1
    ]


def _softmax_size(call: Call) -> int | None:
    axis = getattr(call.layer, "axis", -1)
    return call.output_shapes[0][axis] if isinstance(axis, int) else None


def _many_sigmoids(overview: Overview) -> list[Note]:
    notes = []
    for value in overview.graph.outputs:
        call = overview.links.maker(value)
        if call is None or activation(call) != "sigmoid" or len(value.shape) != 2:
            continue
        units = value.shape[-1] or 0
        if units > 1:
            text = (
                f"The {units:,} outputs of '{call.path}' end in a sigmoid each, so they do not add up to "
                "1: right if "
                "several labels may hold at once. For one class out of many, softmax is meant."
            )
            notes.append(Note("activation", (call.path,), text))
    return notes


def _relu_before_normalization(overview: Overview) -> list[Note]:
    places = []
    for call in overview.leaves:
        if core_class(call.layer) != "BatchNormalization":
            continue
        before = overview.links.makers.get(call.inputs[0].number)
        if before is not None and activation(before) in ("relu", "relu6"):
            places.append((before.path, call.path))
    if not places:
        return []
    paths = tuple(path for pair in places for path in pair)
    how = "in one place" if len(places) == 1 else f"in {words.counted(len(places), 'place')}"
    text = (
        f"ReLU comes before batch normalization {how} (after {_named([first for first, _ in places])}). It "
        "works, but "
        "usually the normalization comes first: then about half of the values pass the ReLU, whatever the "
        "weights."
    )
    return [Note("order", paths, text)]


def _bias_before_normalization(overview: Overview) -> list[Note]:
    places, biases = [], 0
    for call in overview.leaves:
        layer = call.layer
        if core_class(layer) not in CONVOLUTIONS | {"Dense"} or not getattr(layer, "use_bias", False):
            continue
        after = overview.links.only_user(call)
        if activation(call) == "linear" and after is not None and _normalizes_channels(after):
            places.append(call.path)
            biases += call.output_shapes[0][-1] or 0
    if not places:
        return []
    who = f"The bias of {_named(places)} has" if len(places) == 1 else f"The biases of {_named(places)} have"
    text = (
        f"{who} no effect: the batch normalization right behind subtracts every constant. "
        f"use_bias=False would save {words.plural(biases, 'parameter')}."
    )
    return [Note("waste", tuple(places), text)]


def _normalizes_channels(call: Call) -> bool:
    rank = len(call.input_shapes[0])
    return core_class(call.layer) == "BatchNormalization" and call.layer.axis % rank == rank - 1


def _skipping_kernels(overview: Overview) -> list[Note]:
    places = [
        call
        for call in overview.leaves
        if core_class(call.layer)
        in {f"{kind}{rank}D" for kind in ("Conv", "DepthwiseConv") for rank in (1, 2, 3)}
        and any(
            size < stride and length != 1
            for size, stride, length in zip(
                call.layer.kernel_size, call.layer.strides, _lengths(call), strict=False
            )
        )
    ]
    if not places:
        return []
    first = places[0].layer
    read = 1.0
    for size, stride in zip(first.kernel_size, first.strides, strict=True):
        read *= min(size / stride, 1)
    text = (
        f"{words.size(first.kernel_size)} kernels with stride {first.strides[0]} skip positions: "
        f"{_named([call.path for call in places])} {'reads' if len(places) == 1 else 'read'} "
        f"{words.share(round(read * 1000), 1000)} "
        "of the positions that come in and never the others. Pooling first would use all."
    )
    return [Note("waste", tuple(call.path for call in places), text)]


def _lengths(call: Call) -> tuple[int | None, ...]:
    shape = call.input_shapes[0]
    return shape[2:] if getattr(call.layer, "data_format", None) == "channels_first" else shape[1:-1]


def _collapsing_layers(overview: Overview) -> list[Note]:
    notes = []
    for call in overview.leaves:
        if core_class(call.layer) not in _LINEAR or not call.inputs:
            continue
        before = overview.links.maker(call.inputs[0])
        if before is None or core_class(before.layer) not in _LINEAR or activation(before) != "linear":
            continue
        if len(overview.links.users.get(before.outputs[0].number, [])) != 1:
            continue
        came, between, left = (
            shape[-1] or 0
            for shape in (before.input_shapes[0], before.output_shapes[0], call.output_shapes[0])
        )
        if between < min(came, left):
            continue
        text = (
            f"There is no activation between '{before.path}' and '{call.path}': two such layers in a row "
            "can do no more "
            "than a single one."
        )
        notes.append(Note("activation", (before.path, call.path), text))
    return notes


def _lost_rows(overview: Overview) -> list[Note]:
    lost_at = []
    for call in overview.leaves:
        name = core_class(call.layer) or ""
        if not name.startswith(("MaxPooling", "AveragePooling")) or call.layer.padding != "valid":
            continue
        sizes, window = _lengths(call), tuple(call.layer.pool_size)
        lost = left_over(sizes, window, tuple(call.layer.strides or window))
        before = overview.links.makers.get(call.inputs[0].number)
        reached = all(k >= s for k, s in zip(window, call.layer.strides or window, strict=True))
        if (
            any(lost)
            and reached
            and not (before is not None and (core_class(before.layer) or "").startswith("ZeroPadding"))
        ):
            lost_at.append((call.path, words.size(sizes), max(lost)))
    if not lost_at:
        return []
    said = [f"'{path}' (of {size})" for path, size, _ in lost_at[:_NAMES_SHOWN]]
    word = _LAST.get(overview.subject.unit, "positions along an axis")
    text = (
        f"Pooling leaves out the last {word} at {words.listed(said)}"
        f"{f' and {len(lost_at) - _NAMES_SHOWN} more' if len(lost_at) > _NAMES_SHOWN else ''}; "
        'padding="same" would keep them.'
    )
    return [Note("borders", tuple(path for path, _, _ in lost_at), text)]


def _receptive_field(overview: Overview) -> list[Note]:
    """What the last maps see, compared with the input, where a head follows that mixes all places."""
    size = overview.subject.size
    last = _before_head(overview)
    if last is None or not size or None in size or overview.subject.tokenized:
        return []  # phrases are shorter than texts, and texts of many lengths
    where = overview.geometries[last.path]
    pairs = [(seen, of) for seen, of in zip(where.receptive_field or (), size, strict=False) if seen and of]
    if len(pairs) != len(size):
        return []
    field, unit = words.size(where.receptive_field or ()), words.many(overview.subject.unit)
    noun = overview.subject.noun
    if all(seen < of for seen, of in pairs):
        text = (
            f"The last maps ('{last.path}') see {field} of the {words.size(size)} {unit}: no feature "
            "covers the "
            f"whole {noun}, so only the layers behind can bring distant parts together."
        )
    elif all(seen > 2 * of for seen, of in pairs):
        text = (
            f"The last maps ('{last.path}') see {field} {unit}, {min(seen / of for seen, of in pairs):.1f} "
            "times the "
            f"{noun}'s {words.size(size)}: more depth or stride than it takes to see the whole {noun}."
        )
    else:
        return []
    return [Note("receptive field", (last.path,), text)]


def _before_head(overview: Overview) -> Call | None:
    """The call that gives the last maps, if there are convolutions and a head that mixes all places."""
    found, mixed = None, False
    kinds = {core_class(call.layer) for call in overview.leaves}
    if not kinds & CONVOLUTIONS or kinds & (RECURRENT | ATTENTION):
        return None
    for call in overview.leaves:
        where = overview.geometries.get(call.path)
        if where is None or not where.known or where.stride is None or where.receptive_field is None:
            return None
        if not any(where.receptive_field):
            continue
        if None not in where.stride:
            if where.everything:
                return None
            found, mixed = (found if core_class(call.layer) in PASSING else call), False
        elif core_class(call.layer) in CONVOLUTIONS and len(call.output_shapes[0]) > 2:
            if any(length != 1 for length in _lengths(call)):
                return None
        else:
            mixed = True
    return (
        found if mixed and any(core_class(call.layer) in CONVOLUTIONS for call in overview.leaves) else None
    )


def _unseen_border(overview: Overview) -> list[Note]:
    """Input positions at the end of an axis that no output depends on."""
    size = overview.subject.size
    if len(overview.graph.inputs) > 1 or not size or None in size or not overview.graph.linked:
        return []
    found = None
    for value in overview.graph.outputs:
        call = overview.links.makers.get(value.number)
        where = overview.geometries.get(call.path) if call is not None else None
        if call is None or where is None or not where.known or where.everything or where.stride is None:
            return []
        if any(step is not None for step in where.stride) or not all(reach.whole for reach in where.reaches):
            return []
        found = (call, where)
    if found is None:
        return []
    seen = found[1].receptive_field or ()
    lost = [(of or 0) - (field or 0) for field, of in zip(seen, size, strict=False)]
    word = "rows and columns" if overview.subject.noun == "picture" else words.many(overview.subject.unit)
    if max(lost) == 1:
        word = _LAST.get(overview.subject.unit, "position")
    number = f"{max(lost)} " if max(lost) > 1 else ""
    text = (
        f"The last {number}{word} of the input never reach the output: the layers' strides and sizes fit "
        "an input of "
        f"{words.size(seen)}, not of {words.size(size)}."
    )
    return [Note("borders", (found[0].path,), text)]


_CHECKS: tuple[Callable[[Overview], list[Note]], ...] = (
    _half_softmax,
    _lonely_softmax,
    _collapsing_layers,
    _dense_heavy,
    _odd_dropout,
    _relu_before_normalization,
    _bias_before_normalization,
    _receptive_field,
    _skipping_kernels,
    _lost_rows,
    _unseen_border,
    _many_sigmoids,
)
