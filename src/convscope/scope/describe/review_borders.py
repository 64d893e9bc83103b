"""Remarks about what a model sees of its input: receptive fields, and positions at borders that get lost."""

from __future__ import annotations

from convscope.scope.describe import phrasing
from convscope.scope.describe.key_points import are_parallel, lengths_of
from convscope.scope.describe.overview import Note, Overview
from convscope.scope.geometry.receptive_field import Geometry
from convscope.scope.graph.graph import Call
from convscope.scope.keras_layers.pooling import left_over
from convscope.scope.layer_spec import has_trait, role_of


def lost_rows(overview: Overview) -> list[Note]:
    """Pooling that drops the last positions of its maps."""
    lost_at = [call for call in overview.of_role("pooling") if _loses(overview, call)]
    if not lost_at:
        return []
    paths = tuple(call.path for call in lost_at)
    last = "row and column" if overview.input.layout == "raster" else overview.input.unit
    sizes = [phrasing.size(lengths_of(call, call.input_shapes[0])) for call in lost_at]
    places = phrasing.first_of([f"'{path}' ({size})" for path, size in zip(paths, sizes, strict=True)], 4)
    text = (
        f"Pooling drops the last {last} at {places}, because the size of the maps is not a "
        'multiple of the stride. padding="same" would keep them.'
    )
    return [Note("borders", paths, text)]


def _loses(overview: Overview, call: Call) -> bool:
    if getattr(call.layer, "padding", "") != "valid":
        return False
    window = tuple(call.layer.pool_size)
    strides = tuple(call.layer.strides or window)
    lost = left_over(tuple(lengths_of(call, call.input_shapes[0])), window, strides)
    reached = all(k >= s for k, s in zip(window, strides, strict=True))
    before = overview.links.makers.get(call.inputs[0].number)
    padded = before is not None and has_trait(before.layer, "pads")
    return any(lost) and reached and not padded


def receptive_field(overview: Overview) -> list[Note]:
    """What the last maps see, compared with the input, where a head follows that mixes all places."""
    size = overview.input.size
    last = _before_head(overview)
    if last is None or not size or None in size or overview.input.tokenized or are_parallel(overview):
        return []  # phrases are shorter than the longest sequence of tokens, and sequences of many lengths
    where = overview.geometries[last.path]
    pairs = [(seen, of) for seen, of in zip(where.receptive_field or (), size, strict=False) if seen and of]
    if len(pairs) != len(size):
        return []
    field, unit = phrasing.size(where.receptive_field or ()), phrasing.many(overview.input.unit)
    noun = overview.input.noun
    said = f"The receptive field of the last feature maps ('{last.path}') is {field}"
    if all(seen < of for seen, of in pairs):
        text = (
            f"{said} of {phrasing.size(size)} {unit}. No feature covers the whole {noun}; only the layers "
            "that follow combine distant parts."
        )
    elif all(seen > 2 * of for seen, of in pairs):
        times = min(seen / of for seen, of in pairs)
        text = (
            f"{said} {unit}, {times:.1f} times the size of the {noun} ({phrasing.size(size)}). Fewer layers "
            f"or smaller strides would cover the whole {noun}."
        )
    else:
        return []
    return [Note("receptive field", (last.path,), text)]


def _before_head(overview: Overview) -> Call | None:
    """The call that gives the last maps, if there are convolutions and a head that mixes all places."""
    if not overview.of_role("convolution") or overview.of_role("recurrent", "attention"):
        return None
    found, mixed = None, False
    for call in overview.leaves:
        where = overview.geometries.get(call.path)
        if where is None or not where.known or where.stride is None or where.receptive_field is None:
            return None
        if not any(where.receptive_field):
            continue
        if None not in where.stride:
            if where.everything:
                return None
            found, mixed = (found if has_trait(call.layer, "training only") else call), False
        elif role_of(call.layer) == "convolution" and len(call.output_shapes[0]) > 2:
            if any(length != 1 for length in lengths_of(call, call.input_shapes[0])):
                return None
        else:
            mixed = True
    return found if mixed else None


def unseen_border(overview: Overview) -> list[Note]:
    """Input positions at the end of an axis that no output depends on."""
    size = overview.input.size
    if len(overview.inputs) > 1 or not size or None in size or not overview.graph.linked:
        return []
    found = _last_with_all(overview)
    if found is None:
        return []
    call, where = found
    seen = where.receptive_field or ()
    lost = max((of or 0) - (field or 0) for field, of in zip(seen, size, strict=False))
    unit = overview.input.unit
    which = f"last {unit}" if lost == 1 else f"last {lost} {phrasing.many(unit)}"
    axes = " along each axis" if len(size) > 1 else ""
    text = (
        f"The {which} of the input{axes} never {'reaches' if lost == 1 else 'reach'} the output: kernels and "
        f"strides fit an input of {phrasing.size(seen)}, not {phrasing.size(size)}."
    )
    return [Note("borders", (call.path,), text)]


def _last_with_all(overview: Overview) -> tuple[Call, Geometry] | None:
    """The last output's call, where every output depends on all of the input but its border."""
    found = None
    for value in overview.graph.outputs:
        call = overview.links.makers.get(value.number)
        where = overview.geometries.get(call.path) if call is not None else None
        if call is None or where is None or not where.known or where.everything or where.stride is None:
            return None
        if any(step is not None for step in where.stride) or not all(r.whole for r in where.dependencies):
            return None
        found = (call, where)
    return found
