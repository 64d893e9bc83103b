"""What a reviewer would remark about how a model is built, with places and numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import keras

from convscope import phrasing
from convscope.scope.channels.statistics import ChannelStatistics
from convscope.scope.describe import remarks
from convscope.scope.describe.key_points import lengths_of
from convscope.scope.describe.overview import Note, Overview
from convscope.scope.graph.graph import Call
from convscope.scope.layer_spec import activation_of, has_trait

_HALF = {"float16": 3, "bfloat16": 2}
"""Precisions that are too short for a softmax, with their decimal digits."""
_FEW = 10_000


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
    notes = remarks.broken_weights(overview)
    for check in _CHECKS:
        notes += check(overview)
    notes += remarks.unused_layers(overview, model)
    notes += remarks.frozen_layers(overview)
    notes += remarks.silent_kernels(statistics or {})
    return tuple(notes)


def _dense_heavy(overview: Overview) -> list[Note]:
    whole = overview.all_parameters
    if whole < _FEW or not overview.of_role("convolution"):
        return []
    for call in overview.of_role("dense"):
        held = overview.parameters.get(call.path, 0)
        if held * 2 <= whole or not has_trait(call.layer, "linear"):
            continue
        inputs, units = call.input_shapes[0][-1], call.layer.units
        text = (
            f"'{call.path}' has {held:,} of {whole:,} parameters ({phrasing.percent(held, whole)}), because "
            f"it connects {inputs:,} values to {units:,} units."
        )
        behind = overview.links.maker(call.inputs[0]) if call.inputs else None
        if behind is not None and has_trait(behind.layer, "reshapes") and len(behind.input_shapes[0]) > 2:
            channels = behind.input_shapes[0][-1]
            if channels:
                pooled = channels * units + units
                text += f" With global average pooling instead of {behind.type} it would have {pooled:,}."
        return [Note("parameters", (call.path,), text)]
    return []


def _odd_dropout(overview: Overview) -> list[Note]:
    notes = []
    for call in overview.of_role("dropout"):
        rate = float(getattr(call.layer, "rate", 0) or 0)
        if getattr(call.layer, "noise_shape", None) is not None:
            continue
        said = f"'{call.path}' has a dropout rate of {phrasing.number(rate)}"
        if 0 < rate < 0.05:
            text = (
                f"{said}, which drops one value in {round(1 / rate)} and has little effect. Usual rates are "
                f"0.1 to 0.5; was {phrasing.number(10 * rate)} intended?"
            )
        elif rate > 0.7:
            text = (
                f"{said}, which keeps only {100 * (1 - rate):.3g}% of the values. Usual rates are 0.1 to 0.5."
            )
        else:
            continue
        notes.append(Note("dropout", (call.path,), text))
    return notes


def _half_softmax(overview: Overview) -> list[Note]:
    notes = []
    for call in overview.leaves:
        kind = str(getattr(call.layer, "compute_dtype", "") or call.outputs[0].dtype if call.outputs else "")
        if activation_of(call.layer) == "softmax" and kind in _HALF:
            text = (
                f"The softmax of '{call.path}' is computed in {kind}, which has about {_HALF[kind]} decimal "
                'digits, so small probabilities are lost. Set dtype="float32" for that layer.'
            )
            notes.append(Note("precision", (call.path,), text))
    return notes


def _lonely_softmax(overview: Overview) -> list[Note]:
    return [
        Note(
            "activation",
            (call.path,),
            f"The softmax of '{call.path}' is over a single unit and therefore always 1. Use a sigmoid.",
        )
        for call in overview.leaves
        if activation_of(call.layer) == "softmax" and call.output_shapes and _softmax_size(call) == 1
    ]


def _softmax_size(call: Call) -> int | None:
    axis = getattr(call.layer, "axis", -1)
    return call.output_shapes[0][axis] if isinstance(axis, int) else None


def _many_sigmoids(overview: Overview) -> list[Note]:
    notes = []
    for value in overview.graph.outputs:
        call = overview.links.maker(value)
        if call is None or activation_of(call.layer) != "sigmoid" or len(value.shape) != 2:
            continue
        units = value.shape[-1] or 0
        if units > 1:
            text = (
                f"The {units:,} outputs of '{call.path}' are independent sigmoids, which is right if several "
                "labels may hold at once. For mutually exclusive classes use softmax."
            )
            notes.append(Note("activation", (call.path,), text))
    return notes


def _relu_before_normalization(overview: Overview) -> list[Note]:
    places = []
    for call in overview.leaves:
        if not has_trait(call.layer, "batch statistics"):
            continue
        before = overview.links.makers.get(call.inputs[0].number)
        if before is not None and activation_of(before.layer) in ("relu", "relu6"):
            places.append((before.path, call.path))
    if not places:
        return []
    text = (
        f"ReLU precedes batch normalization after {phrasing.some([first for first, _ in places])}. It works, "
        "but the normalization usually comes first, so that about half of the values pass the ReLU."
    )
    return [Note("order", tuple(path for pair in places for path in pair), text)]


def _bias_before_normalization(overview: Overview) -> list[Note]:
    places, biases = [], 0
    for call in overview.of_role("convolution", "dense"):
        if not getattr(call.layer, "use_bias", False) or activation_of(call.layer) != "linear":
            continue
        after = overview.links.only_user(call)
        if after is not None and _normalizes_channels(after):
            places.append(call.path)
            biases += call.output_shapes[0][-1] or 0
    if not places:
        return []
    who = f"The bias of {phrasing.some(places)} has"
    if len(places) > 1:
        who = f"The biases of {phrasing.some(places)} have"
    text = (
        f"{who} no effect, because the batch normalization that follows subtracts any constant. "
        f"use_bias=False would save {phrasing.plural(biases, 'parameter')}."
    )
    return [Note("waste", tuple(places), text)]


def _normalizes_channels(call: Call) -> bool:
    rank = len(call.input_shapes[0])
    return has_trait(call.layer, "batch statistics") and call.layer.axis % rank == rank - 1


def _skipping_kernels(overview: Overview) -> list[Note]:
    places = [call for call in overview.leaves if has_trait(call.layer, "slides") and _skips(call)]
    if not places:
        return []
    first = places[0].layer
    read = 1.0
    for size, stride in zip(first.kernel_size, first.strides, strict=True):
        read *= min(size / stride, 1)
    verb = "reads" if len(places) == 1 else "read"
    text = (
        f"{phrasing.some([call.path for call in places])} {verb} only "
        f"{phrasing.share(round(read * 1000), 1000)} of the input positions, because kernels of "
        f"{phrasing.size(first.kernel_size)} move with stride {first.strides[0]}. Pooling first would use "
        "all."
    )
    return [Note("waste", tuple(call.path for call in places), text)]


def _skips(call: Call) -> bool:
    lengths = lengths_of(call, call.input_shapes[0])
    along = zip(call.layer.kernel_size, call.layer.strides, lengths, strict=False)
    return any(size < stride and length != 1 for size, stride, length in along)


def _collapsing_layers(overview: Overview) -> list[Note]:
    notes = []
    for call in overview.leaves:
        if not has_trait(call.layer, "linear") or not call.inputs:
            continue
        before = overview.links.maker(call.inputs[0])
        if before is None or not _could_merge(overview, before, call):
            continue
        text = (
            f"There is no activation between '{before.path}' and '{call.path}', so that together they are no "
            "more than a single linear layer."
        )
        notes.append(Note("activation", (before.path, call.path), text))
    return notes


def _could_merge(overview: Overview, before: Call, call: Call) -> bool:
    if not has_trait(before.layer, "linear") or activation_of(before.layer) != "linear":
        return False
    if len(overview.links.users.get(before.outputs[0].number, [])) != 1:
        return False
    shapes = (before.input_shapes[0], before.output_shapes[0], call.output_shapes[0])
    came, between, left = (shape[-1] or 0 for shape in shapes)
    return between >= min(came, left)


_CHECKS: Sequence[Callable[[Overview], list[Note]]] = (
    _half_softmax,
    _lonely_softmax,
    _collapsing_layers,
    _dense_heavy,
    _odd_dropout,
    _relu_before_normalization,
    _bias_before_normalization,
    remarks.receptive_field,
    _skipping_kernels,
    remarks.lost_rows,
    remarks.unseen_border,
    _many_sigmoids,
)
