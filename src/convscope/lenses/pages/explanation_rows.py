"""The layers of an explanation as rows of a table, with blocks that repeat folded into one row each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convscope import phrasing as words

if TYPE_CHECKING:
    from convscope.scope.describe.blocks import LayerBlock
    from convscope.scope.describe.explanation import Explanation, LayerExplanation

LONG = 40
"""From this many layers on, repeated blocks are folded."""


@dataclass(frozen=True)
class ExplanationRow:
    """A layer, or a whole block, as it is shown.

    Args:
        name: Path of the layer, or name of the block.
        type: Class of the layer; for a block, the earlier one that it is like.
        cells: Output shape; parameters, their share; multiply-adds, their share; receptive field; stride.
        about: What this kind of layer does; empty where that was already said.
        here: What this one does; empty for a block.
        folded: Whether the row stands for a block.
        parameter_share: In [0, 1].
        multiply_add_share: In [0, 1].
    """

    name: str
    type: str
    cells: tuple[str, str, str, str, str, str, str]
    about: str
    here: str
    folded: bool
    parameter_share: float
    multiply_add_share: float

    @property
    def text(self) -> str:
        """All that is said."""
        return f"{self.about} {self.here}".strip()


def rows(explanation: Explanation, fold: bool = True) -> list[ExplanationRow]:
    """Arranges the layers of an explanation.

    Args:
        explanation: The model explained.
        fold: Whether a block that repeats an earlier one gets a single row, in a model of 40 layers or more.

    Returns:
        In the order of the model.
    """
    repeats = _repeats(explanation) if fold and len(explanation.layers) >= LONG else {}
    by_path = {layer.path: layer for layer in explanation.layers}
    hidden = {path for block, _ in repeats.values() for path in block.paths}
    around = {block.name for block, _ in repeats.values()}
    said: set[str] = set()
    found = []
    for layer in explanation.layers:
        if layer.path in repeats:
            block, first = repeats[layer.path]
            found.append(_of_block(block, first, [by_path[path] for path in block.paths], explanation))
        elif layer.path not in hidden and layer.path not in around:
            found.append(_of_layer(layer, explanation, said))
    return found


def _repeats(explanation: Explanation) -> dict[str, tuple[LayerBlock, LayerBlock]]:
    """Blocks that repeat an earlier one, by the path of their first layer, each with that earlier one."""
    repeats = {}
    for series in explanation.blocks:
        first: dict[tuple[str, ...], LayerBlock] = {}
        for block in series.blocks:
            known = first.setdefault(block.types, block)
            if known is not block:
                repeats[block.paths[0]] = (block, known)
    return repeats


def _of_layer(layer: LayerExplanation, explanation: Explanation, said: set[str]) -> ExplanationRow:
    about = "" if layer.about in said else layer.about
    said.add(layer.about)
    again = f"It is the layer '{layer.shared_with}', called again." if layer.shared_with else ""
    return _row(
        layer.path,
        layer.type,
        _shape(layer.output_shape),
        0 if layer.shared_with else layer.parameters,
        layer.multiply_adds,
        layer,
        explanation,
        about,
        f"{layer.here} {again}".strip(),
        False,
    )


def _of_block(
    block: LayerBlock, first: LayerBlock, layers: Sequence[LayerExplanation], explanation: Explanation
) -> ExplanationRow:
    costs = [layer.multiply_adds for layer in layers]
    cost = None if None in costs else sum(each for each in costs if each is not None)
    held = sum(0 if layer.shared_with else layer.parameters for layer in layers)
    name = block.name or f"{block.paths[0]} to {block.paths[-1]}"
    like = f"like {first.name or first.paths[0]}"
    return _row(
        name, like, _shape(layers[-1].output_shape), held, cost, layers[-1], explanation, "", "", True
    )


def _row(
    name: str,
    kind: str,
    shape: str,
    held: int,
    cost: int | None,
    last: LayerExplanation,
    explanation: Explanation,
    about: str,
    here: str,
    folded: bool,
) -> ExplanationRow:
    all_held, all_cost = explanation.parameters, explanation.multiply_adds or 0
    cells = (
        shape,
        f"{held:,}" if held else "-",
        words.percent(held, all_held) if held else "",
        "?" if cost is None else words.short(cost) if cost else "-",
        words.percent(cost, all_cost) if cost and all_cost else "",
        _sees(last),
        _apart(last),
    )
    return ExplanationRow(
        name,
        kind,
        cells,
        about,
        here,
        folded,
        held / all_held if all_held else 0.0,
        (cost or 0) / all_cost if all_cost else 0.0,
    )


def _shape(shape: Sequence[object]) -> str:
    """A shape, or several one after the other."""
    if shape and isinstance(shape[0], tuple):
        return " ".join(_shape(each) for each in shape if isinstance(each, tuple))
    return "x".join("?" if length is None else str(length) for length in shape) or "1 value"


def _sees(layer: LayerExplanation) -> str:
    if layer.sees_everything:
        return "all"
    if layer.hops:
        return words.plural(layer.hops, "hop")
    return "?" if layer.receptive_field is None else words.size(layer.receptive_field)


def _apart(layer: LayerExplanation) -> str:
    if layer.stride is None or any(step is None for step in layer.stride):
        return ""
    steps = [words.number(step) for step in layer.stride if step is not None]
    return steps[0] if len(set(steps)) == 1 else "x".join(steps)
