"""Puts one call into words: what its kind of layer does, what this one does, and its share of the model."""

from __future__ import annotations

from dataclasses import dataclass

from convscope import phrasing
from convscope.scope.facts import Facts
from convscope.scope.geometry.receptive_field import Geometry
from convscope.scope.layer_spec import LayerSpec, spec_of


@dataclass(frozen=True)
class LayerText:
    """One call in words.

    Args:
        about: What this kind of layer does and why one uses it.
        here: What this one does, from its settings and shapes.
        numbers: Its parameters, multiply-adds and receptive field, and their share of the whole.
    """

    about: str
    here: str
    numbers: str


def describe(facts: Facts) -> LayerText:
    """Describes one call.

    Args:
        facts: What is known about it.

    Returns:
        Plain sentences. A layer that is not known is described by its shapes and parameters.
    """
    spec = spec_of(facts.layer)
    if facts.call.kind == "group" or spec is None:
        about, here = (_group if facts.call.kind == "group" else _unknown)(facts)
        return LayerText(about, here, _numbers(facts))
    return LayerText(_about(spec, facts), spec.here(facts), _numbers(facts))


def _about(spec: LayerSpec, facts: Facts) -> str:
    return spec.about(facts) if callable(spec.about) else spec.about


def _unknown(facts: Facts) -> tuple[str, str]:
    """What can be seen of a layer from outside."""
    about = f"{facts.call.type} is a custom layer; its computation is unknown to convscope."
    return about, phrasing.sentence(f"{facts.inputs} in, {facts.outputs} out")


def _group(facts: Facts) -> tuple[str, str]:
    """A nested model, or a layer made of other layers."""
    if type(facts.layer).__module__.startswith("keras."):
        about = "A nested model; its layers are listed above."
    else:
        about = f"{facts.call.type} is a composite layer; its layers are listed above."
    inside = [f"{number} {kind}" for kind, number in facts.inner]
    if len(inside) > 4:
        inside = [*inside[:4], f"{len(inside) - 4} other types"]
    of = f" Contains {phrasing.listed(inside)}." if inside else ""
    return about, f"{phrasing.sentence(f'{facts.inputs} in, {facts.outputs} out')}{of}"


def _numbers(facts: Facts) -> str:
    parts = (_shared(facts), _costs(facts), _frozen(facts), _field(facts))
    return " ".join(part for part in parts if part)


def _shared(facts: Facts) -> str:
    if not facts.first_call or not facts.parameters:
        return ""
    held = phrasing.plural(facts.parameters, "parameter")
    return f"Shares its {held} with the first call of '{facts.first_call}'."


def _costs(facts: Facts) -> str:
    """Parameters and multiply-adds, and their share of the whole model."""
    said = []
    if facts.parameters and not facts.first_call:
        held = phrasing.plural(facts.parameters, "parameter")
        said.append(f"{held} ({_of_model(facts.parameters, facts.all_parameters)})")
    if facts.multiply_adds is None:
        sized = any(None in shape[1:] for shape in facts.call.input_shapes)
        said.append(f"multiply-adds {'depend on the input size' if sized else 'unknown'}")
    elif facts.multiply_adds:
        whole = facts.all_multiply_adds
        share = f" ({_of_model(facts.multiply_adds, whole)})" if whole else ""
        said.append(f"{phrasing.large(facts.multiply_adds)} multiply-adds{share}")
    return phrasing.sentence(", ".join(said))


def _of_model(part: int, whole: int) -> str:
    return "all of the model's" if part == whole else f"{phrasing.percent(part, whole)} of the model"


def _frozen(facts: Facts) -> str:
    weights = getattr(facts.layer, "weights", ())
    return "Not trainable." if weights and not getattr(facts.layer, "trainable", True) else ""


def _field(facts: Facts) -> str:
    """The receptive field in words, where it is not that of what comes in."""
    where = facts.geometry
    if where is None or not facts.input.size or where == facts.before:
        return ""
    if where.hops:
        return f"Receptive field: nodes up to {phrasing.plural(where.hops, 'hop')} away."
    return _field_in(where, facts)


def _field_in(where: Geometry, facts: Facts) -> str:
    """The receptive field within an input whose positions lie along axes."""
    if where.receptive_field and set(where.receptive_field) == {1} and facts.before is None:
        return ""
    of = f" '{facts.input_name}'" if facts.input_name else ""
    if where.everything:
        return f"Receptive field: the whole input{of}."
    if not where.known or where.receptive_field is None:
        return "Receptive field: unknown."
    if not any(where.receptive_field):
        return f"Does not depend on the input{of}."
    seen = _seen(where.receptive_field, facts)
    return f"Receptive field: {seen}{_stride(where.stride)}."


def _seen(field: tuple[int | None, ...], facts: Facts) -> str:
    unit, size = phrasing.many(facts.input.unit), facts.input.size
    if None in field or None in size:
        return f"{phrasing.size(field)} {unit}"
    if all((seen or 0) > (of or 0) for seen, of in zip(field, size, strict=False)):
        return f"{phrasing.size(field)} {unit}, larger than the input ({phrasing.size(size)})"
    return f"{phrasing.size(field)} of {phrasing.size(size)} {unit}"


def _stride(stride: tuple[float | None, ...] | None) -> str:
    if stride is None or any(step is None for step in stride):
        return ""
    steps = [phrasing.number(step) for step in stride if step is not None]
    return f", stride {steps[0] if len(set(steps)) == 1 else 'x'.join(steps)}"
