"""Remarks of a review: what borders and receptive fields miss, broken or frozen weights, silent kernels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import keras
import numpy as np

from convscope import phrasing
from convscope.scope.channels.statistics import ChannelStatistics
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
    """Input positions at the ends of an axis that no output depends on."""
    found, text = _last_with_all(overview), unseen_ends(overview)
    if found is None or not text:
        return []
    call, where = found
    seen, size = phrasing.size(where.receptive_field or ()), phrasing.size(overview.input.size)
    text = (
        f"{text} of the input never reach the output: kernels and strides fit an input of {seen}, not {size}."
    )
    return [Note("borders", (call.path,), phrasing.sentence(text))]


def unseen_ends(overview: Overview) -> str:
    """The input positions that no output depends on, such as `the last 2 of 48 rows`; empty where none is."""
    size = overview.input.size
    found = _last_with_all(overview)
    if len(overview.inputs) > 1 or not size or None in size or not overview.graph.linked or found is None:
        return ""
    unit = phrasing.many(overview.input.unit)
    names = [f"{unit} along axis {axis}" for axis in range(1, len(size) + 1)] if len(size) > 1 else [unit]
    names = ["rows", "columns"] if overview.input.layout == "raster" else names
    said = []
    for (first, behind), length, name in zip(found[1].window(()), size, names, strict=False):
        for end, count in (("first", first), ("last", (length or 0) - behind)):
            which = end if count == 1 else f"{end} {count:,}"
            said += [f"the {which} of {length:,} {name}"] if count else []
    return phrasing.listed(said)


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


_NUMBERS_SHOWN = 8


def broken_weights(overview: Overview) -> list[Note]:
    """NaN and infinite weights, and kernels that are all zero."""
    notes, seen = [], set()
    for call in overview.leaves:
        if id(call.layer) in seen or not isinstance(call.layer, keras.layers.Layer):
            continue
        seen.add(id(call.layer))
        for variable in call.layer.weights:
            if not str(variable.dtype).startswith(("float", "bfloat")):
                continue
            values = keras.ops.convert_to_numpy(variable)
            notes += _not_finite(call.path, variable.name, values)
            if role_of(call.layer) == "convolution" and variable.name.endswith("kernel"):
                notes += _empty(call.path, values)
    return notes


def _not_finite(path: str, name: str, values: np.ndarray) -> list[Note]:
    with np.errstate(all="ignore"):
        if np.isfinite(values.sum(dtype=np.float32)):
            return []
    broken = int(np.count_nonzero(~np.isfinite(values.astype(np.float32))))
    if not broken:
        return []
    text = (
        f"{broken:,} of {values.size:,} weights of '{path}' ({name}) are NaN or infinite. Training diverged "
        "or the file is damaged."
    )
    return [Note("weights", (path,), text)]


def _empty(path: str, values: np.ndarray) -> list[Note]:
    used = np.any(values != 0, axis=tuple(range(values.ndim - 1)))
    empty = np.flatnonzero(~used)
    if not len(empty):
        return []
    which, numbers = f"{len(empty):,} of {used.size:,} kernels", f" ({_numbers(empty)})"
    if len(empty) == used.size:
        which, numbers = f"All {used.size:,} kernels", ""
    return [Note("weights", (path,), f"{which} of '{path}' are all zero{numbers}.")]


def _numbers(channels: np.ndarray) -> str:
    shown = [str(channel) for channel in channels[:_NUMBERS_SHOWN]]
    more = len(channels) - len(shown)
    if more:
        return f"indices {', '.join(shown)} and {more:,} more"
    return f"{'index' if len(shown) == 1 else 'indices'} {phrasing.listed(shown)}"


def unused_layers(overview: Overview, model: keras.Model) -> list[Note]:
    """Layers that the model owns and never calls."""
    called = {id(call.layer) for call in overview.graph.calls}
    groups = [call.layer for call in overview.graph.calls if call.kind == "group"]
    owned = [layer for each in (model, *groups) for layer in getattr(each, "layers", ())]
    idle = [
        layer
        for layer in {id(layer): layer for layer in owned}.values()
        if id(layer) not in called and not isinstance(layer, keras.layers.InputLayer)
    ]
    if not idle or not overview.graph.linked:
        return []
    names = tuple(layer.name for layer in idle)
    verb = "is part of the model but is" if len(idle) == 1 else "are part of the model but are"
    return [Note("unused", names, f"{phrasing.some(names)} {verb} never called.")]


def frozen_layers(overview: Overview) -> list[Note]:
    """Layers with weights that training does not change."""
    frozen = {
        id(call.layer): call.path
        for call in reversed(overview.leaves)
        if getattr(call.layer, "weights", None)
        and not call.layer.trainable_variables
        and not has_trait(call.layer, "fixed weights")
    }
    if not frozen:
        return []
    paths = tuple(path for path in overview.parameters if path in set(frozen.values()))
    held = sum(overview.parameters[path] for path in paths)
    share = phrasing.percent(held, overview.all_parameters)
    amount = f"{phrasing.plural(held, 'parameter')} ({share} of the model)"
    if len(paths) == 1:
        text = f"'{paths[0]}' is not trainable: {amount}."
    else:
        text = f"{len(paths):,} layers are not trainable ('{paths[0]}' to '{paths[-1]}'): {amount}."
    return [Note("frozen", paths, text)]


def silent_kernels(statistics: Mapping[str, ChannelStatistics]) -> list[Note]:
    """Kernels that never fired on the data at hand, that repeat others, and values that are not finite."""
    return [
        Note("kernels", (path,), text) for path, each in statistics.items() for text in _remarks(path, each)
    ]


def _remarks(path: str, each: ChannelStatistics) -> Iterator[str]:
    dead = np.flatnonzero(each.dead)
    samples = phrasing.plural(each.samples, "sample")
    if len(dead):
        verb = "activates" if len(dead) == 1 else "activate"
        yield (
            f"{len(dead):,} of {len(each.dead):,} kernels of '{path}' never {verb} on {samples} "
            f"({_numbers(dead)})."
        )
    if each.duplicates:
        verb = "duplicates" if len(each.duplicates) == 1 else "duplicate"
        pairs = ", ".join(f"{pair[0]} and {pair[1]}" for pair in each.duplicates[:_NUMBERS_SHOWN])
        count = phrasing.plural(len(each.duplicates), "kernel")
        yield f"{count} of '{path}' {verb} another one ({pairs})."
    if each.nonfinite:
        yield f"'{path}' produced {each.nonfinite:,} NaN or infinite values on {samples}."
