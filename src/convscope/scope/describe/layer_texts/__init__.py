"""What each layer of Keras does and why one uses it, and what one call of it does here, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

from convscope.scope.describe import phrasing as words
from convscope.scope.describe.layer_texts import (
    activations,
    attention,
    convolutions,
    dense,
    merging,
    normalizations,
    plumbing,
    pooling,
    preparation,
    recurrent,
    regularizers,
    shaping,
    sound_layers,
    text_layers,
)
from convscope.scope.describe.layer_texts.facts import Facts, Text
from convscope.scope.graph.core_layers import core_class

__all__ = ["GENERIC", "TEXTS", "Description", "Facts", "Text", "describe"]

TEXTS: dict[str, Text] = {
    name: text
    for family in (
        activations,
        attention,
        convolutions,
        dense,
        merging,
        normalizations,
        plumbing,
        pooling,
        preparation,
        recurrent,
        regularizers,
        shaping,
        sound_layers,
        text_layers,
    )
    for name, text in family.TEXTS.items()
}
"""The text of every layer class, by its name."""

GENERIC = frozenset({"Layer", "Wrapper", "InputSpec"})
"""Public names of `keras.layers` that are bases or not layers; what is derived from them is unknown."""


@dataclass(frozen=True)
class Description:
    """One call in words.

    Args:
        about: What this kind of layer does and why one uses it.
        here: What this one does, from its settings and shapes.
        numbers: Its parameters, multiply-adds and receptive field, and their share of the whole.
    """

    about: str
    here: str
    numbers: str

    @property
    def text(self) -> str:
        """All of it."""
        return " ".join(part for part in (self.about, self.here, self.numbers) if part)


def describe(facts: Facts) -> Description:
    """Describes one call.

    Args:
        facts: What is known about it.

    Returns:
        Plain sentences. A layer that Keras does not have is described by its shapes and parameters.
    """
    text = _text(facts)
    about = text.about(facts) if callable(text.about) else text.about
    return Description(about, text.here(facts), _numbers(facts))


def _text(facts: Facts) -> Text:
    if facts.call.kind == "operation":
        return plumbing.operation(facts)
    if facts.call.kind == "group":
        return plumbing.group(facts)
    return TEXTS.get(core_class(facts.layer) or "") or plumbing.unknown(facts)


def _numbers(facts: Facts) -> str:
    return " ".join(part for part in (_costs(facts), _frozen(facts), _view(facts)) if part)


def _costs(facts: Facts) -> str:
    """Parameters and multiply-adds, and their share of the whole model."""
    held = _held(facts)
    if facts.multiply_adds is None:
        sized = any(None in shape[1:] for shape in facts.call.input_shapes)
        unknown = "depends on the size of what comes in" if sized else "is unknown"
        return f"{held}{'. ' if held else ''}How many multiply-adds it takes {unknown}."
    taken = _taken(facts)
    if held and taken:
        return f"{held}{',' if facts.first_call else ''} and {taken}."
    return words.sentence(held or (taken and f"It {taken}"))


def _held(facts: Facts) -> str:
    if not facts.parameters:
        return ""
    held = words.plural(facts.parameters, "parameter")
    if facts.first_call:
        return f"It is the layer '{facts.first_call}', called again with the same {held}"
    return f"It has {held} ({_of_all(facts.parameters, facts.all_parameters)})"


def _taken(facts: Facts) -> str:
    if not facts.multiply_adds:
        return ""
    taken = f"takes {words.large(facts.multiply_adds)} multiply-adds"
    whole = facts.all_multiply_adds
    if not whole:
        return taken
    return f"{taken} ({_of_all(facts.multiply_adds, whole)})"


def _of_all(part: int, whole: int) -> str:
    return "all there are" if part == whole else f"{words.share(part, whole)} of all"


def _frozen(facts: Facts) -> str:
    weights = getattr(facts.layer, "weights", ())
    if weights and not getattr(facts.layer, "trainable", True):
        return "It is frozen: training does not change it."
    return ""


def _view(facts: Facts) -> str:
    """The receptive field in words, where it is not that of what comes in."""
    where = facts.geometry
    if where is None or not facts.input_size or where == facts.before:
        return ""
    if where.receptive_field and set(where.receptive_field) == {1} and facts.before is None:
        return ""
    if where.everything:
        which = f"input '{facts.input_name}'" if facts.input_name else "input"
        return f"Every value depends on the whole {which}."
    if not where.known or where.receptive_field is None:
        return "How much of the input each value sees is unknown."
    return f"{_sees(where.receptive_field, facts)}{_apart(where.stride, facts.unit)}."


def _sees(field: tuple[int | None, ...], facts: Facts) -> str:
    unit, size = words.many(facts.unit), facts.input_size
    pairs = list(zip(field, size, strict=False))
    if None in field or None in size:
        return f"Each value sees {words.size(field)} {unit} of the input"
    if all((seen or 0) > (of or 0) for seen, of in pairs):
        return f"Each value sees {words.size(field)} {unit}, more than the whole input of {words.size(size)}"
    if not any(field):
        return "It does not depend on the input"
    if set(field) == {1}:
        return f"Each value sees a single {facts.unit} of the input"
    return f"Each value sees {words.size(field)} of the input's {words.size(size)} {unit}"


def _apart(stride: tuple[float | None, ...] | None, unit: str) -> str:
    if stride is None or any(step is None for step in stride):
        return ""
    steps = [words.number(step) for step in stride if step is not None]
    apart = steps[0] if len(set(steps)) == 1 else "x".join(steps)
    return f"; neighbouring values are {apart} {unit if apart == '1' else words.many(unit)} apart"
