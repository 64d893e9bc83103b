"""What a search may change: the architectures of a recipe, and what their options and settings may be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from convscope.engine.training.settings import FIT_OPTIONS
from convscope.errors import ConvscopeError, UsageError
from convscope.kinds.registry import find_recipe
from convscope.option import Around, Option, Value, for_architecture
from convscope.types import no_progress
from convscope.workflows.start import Request
from convscope.workflows.training_plan import Plan, is_numeric, plan

CHANGED = 0.4
"""Probability with which a trial changes a setting from its default."""
OWN = 0.5
"""Share of the drawn trials that have the default architecture, where there are others."""
MISSES = 200
"""Draws in a row that were drawn before, after which a space has nothing new."""


@dataclass(frozen=True)
class Dimension:
    """One setting or option of an architecture.

    Args:
        name: Its name.
        default: What a training takes where nothing is given.
        values: What else is tried; the two ends of an interval where `continuous`.
        continuous: Whether any number between the two is tried, evenly on a logarithmic scale.
    """

    name: str
    default: Value
    values: tuple[Value, ...]
    continuous: bool = False

    def draw(self, rng: np.random.Generator) -> Value:
        """A value other than the default."""
        if not self.continuous:
            return self.values[int(rng.integers(len(self.values)))]
        low, high = (math.log(each) for each in self.values if isinstance(each, int | float))
        return float(f"{math.exp(rng.uniform(low, high)):.3g}")

    def to_line(self) -> str:
        """The setting, what is tried and the default."""
        tried = (" to " if self.continuous else " | ").join(map(said, self.values))
        return f"{self.name}: {tried} (default {said(self.default)})"


@dataclass(frozen=True)
class Space:
    """What may be tried of one architecture.

    Args:
        architecture: Its name.
        dimensions: What may be changed; none where only its defaults can be tried.
        epochs: How many a training takes by default; None where it is solved.
    """

    architecture: str
    dimensions: tuple[Dimension, ...]
    epochs: int | None

    def draw(self, rng: np.random.Generator) -> dict[str, Value]:
        """Values that differ from the defaults, at least one of them where there is a dimension."""
        if not self.dimensions:
            return {}
        must = int(rng.integers(len(self.dimensions)))
        changed = rng.random(len(self.dimensions)) < CHANGED
        changed[must] = True
        chosen = [each for each, is_changed in zip(self.dimensions, changed, strict=True) if is_changed]
        return {each.name: each.draw(rng) for each in chosen}


@dataclass(frozen=True)
class Trial:
    """One combination.

    Args:
        number: 0 for the defaults of the recipe.
        architecture: Its name.
        values: Settings and options that differ from the defaults of the architecture, by name.
    """

    number: int
    architecture: str
    values: Mapping[str, Any]

    def to_line(self) -> str:
        """The architecture and what is changed, in words."""
        changed = ", ".join(f"{name} {said(value)}" for name, value in self.values.items())
        return f"{self.architecture}, {changed or 'defaults'}"


def said(value: Value) -> str:
    """A value as the command line takes it.

    Example:
        >>> said((3, 4)), said(0.00123), said(None), said(True)
        ('3,4', '0.00123', 'from the data', 'on')
    """
    if isinstance(value, list | tuple):
        return ",".join(map(said, value))
    if value is None or isinstance(value, bool):
        return {None: "from the data", True: "on", False: "off"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def find_spaces(request: Request, default: Plan) -> tuple[tuple[Space, ...], tuple[str, ...]]:
    """What may be tried, the default architecture first.

    Args:
        request: What the user fixed stays as it is.
        default: What a training of it would be.

    Returns:
        A space for each architecture that can work with this data, and why others cannot, a line for each.
    """
    spec = default.recipe.spec
    spaces, left_out = [_space(request, default)], []
    single = request.architecture is not None or "architecture" in spec.untried
    for name in () if single else spec.architectures:
        if name == default.architecture:
            continue
        try:
            spaces.append(_space(request, _other(request, default, name)))
        except ConvscopeError as error:
            left_out.append(f"{name} is left out: {error.message}")
    return tuple(spaces), tuple(left_out)


def _other(request: Request, default: Plan, architecture: str) -> Plan:
    """What a training of another architecture on the same data would be."""
    options = {name: value for name, value in request.options.items() if _takes(request, architecture, name)}
    if len(options) < len(request.options):
        lost = sorted(set(request.options) - set(options))
        raise UsageError(f"{architecture} does not support {', '.join(lost)}.")
    recipe = find_recipe(request.spec.name)
    return plan(
        recipe, request.path, architecture, options, request.settings, no_progress, whole=default.whole
    )


def _takes(request: Request, architecture: str, name: str) -> bool:
    taken = for_architecture((*request.spec.options, *request.spec.model_options), architecture)
    return name in {option.name for option in taken}


def _space(request: Request, made: Plan) -> Space:
    fixed = {*request.settings, *request.options, *made.recipe.spec.untried}
    usual = {**made.settings.to_json(), **made.options}
    found = []
    for option in _candidates(made):
        default = usual.get(option.name, option.defaults.get(made.architecture, option.default))
        dimension = _dimension(option, _as_tuple(default))
        if option.name not in fixed and dimension is not None:
            found.append(dimension)
    return Space(made.architecture, tuple(found), None if made.solver else made.settings.epochs)


def _candidates(made: Plan) -> Iterable[Option]:
    """Settings and options that mean something to a training."""
    spec = made.recipe.spec
    uses: Sequence[str] = [each.name for each in FIT_OPTIONS] if made.solver is None else made.solver.uses
    without = {*spec.ignored_settings}
    own, _ = made.recipe.divide(made.options)
    if made.recipe.augmentation(1.0, **own) is None:
        without.add("augmentation")
    if not is_numeric(made.representation):
        without.add("mixing")
    settings = [each for each in FIT_OPTIONS if each.name in uses and each.name not in without]
    return (*settings, *spec.options, *for_architecture(spec.model_options, made.architecture))


def _dimension(option: Option, default: Value) -> Dimension | None:
    """What is tried of an option; None where that is nothing."""
    if option.tries is None:
        return None
    near = [each for each in dict.fromkeys(option.tries.near(default)) if _is_valid(option, each)]
    if isinstance(option.tries, Around):
        return Dimension(option.name, default, tuple(near), continuous=True) if len(near) == 2 else None
    others = tuple(each for each in near if each != default)
    return Dimension(option.name, default, others) if others else None


def _is_valid(option: Option, value: Value) -> bool:
    try:
        option.validated(value)
    except UsageError:
        return False
    return True


def _as_tuple(value: object) -> Value:
    """A default with its numbers as options have them."""
    return cast(Value, tuple(value) if isinstance(value, list) else value)


def draw_trials(spaces: Sequence[Space], count: int, seed: int) -> tuple[Trial, ...]:
    """The defaults of the recipe, those of its other architectures, and then combinations at random.

    A drawn combination changes each setting with a probability of 0.4, at least one, and none is drawn twice.

    Args:
        spaces: The default architecture first.
        count: Trials at most; fewer where there are no more combinations.
        seed: The same seed draws the same trials.

    Example:
        >>> space = Space("cnn", (Dimension("depth", 2, (1, 3)),), 5)
        >>> [trial.to_line() for trial in draw_trials([space], 9, seed=0)]
        ['cnn, defaults', 'cnn, depth 3', 'cnn, depth 1']
    """
    rng = np.random.default_rng([seed, 21])
    chosen: list[tuple[str, dict[str, Value]]] = []
    chosen += [(space.architecture, {}) for space in spaces[:count]]
    misses = 0
    while len(chosen) < count and misses < MISSES:
        others = len(spaces) - 1
        place = 0 if not others or rng.random() < OWN else 1 + int(rng.integers(others))
        drawn = (spaces[place].architecture, spaces[place].draw(rng))
        misses = misses + 1 if drawn in chosen else 0
        if drawn not in chosen:
            chosen.append(drawn)
    return tuple(Trial(number, *each) for number, each in enumerate(chosen))
