"""The one list of recipes, and the choice of one for a path."""

from __future__ import annotations

from pathlib import Path

from convscope.data.snapshot import DataSnapshot
from convscope.errors import unknown_name
from convscope.kinds.audio.classification.recipe import AUDIO_CLASSIFICATION
from convscope.kinds.audio.speech.recipe import SPEECH_RECOGNITION
from convscope.kinds.contract.recipe import Recipe
from convscope.kinds.image.classification import IMAGE_CLASSIFICATION
from convscope.kinds.series.anomaly.recipe import SERIES_ANOMALY
from convscope.kinds.series.classification.recipe import SERIES_CLASSIFICATION
from convscope.kinds.series.remaining_life.recipe import SERIES_REMAINING_LIFE
from convscope.kinds.text.classification.recipe import TEXT_CLASSIFICATION
from convscope.kinds.text.tagging.recipe import TEXT_TAGGING
from convscope.kinds.text.translation.recipe import TEXT_TRANSLATION

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        IMAGE_CLASSIFICATION,
        SPEECH_RECOGNITION,
        AUDIO_CLASSIFICATION,
        SERIES_CLASSIFICATION,
        SERIES_ANOMALY,
        SERIES_REMAINING_LIFE,
        TEXT_TAGGING,
        TEXT_TRANSLATION,
        TEXT_CLASSIFICATION,
    )
}
"""By name, in the order in which they are asked whether a path holds data for them."""


def choose_recipe(path: Path) -> tuple[Recipe, str]:
    """The first recipe that recognizes what a path holds, and why.

    Args:
        path: A folder or a file. Where nothing is recognized, the first recipe of all says what it expected.
    """
    peek = DataSnapshot(path)
    for recipe in RECIPES.values():
        reason = recipe.recognizes(peek)
        if reason is not None:
            return recipe, f"recipe: {recipe.name}, because {reason}"
    first = next(iter(RECIPES.values()))
    return first, f"recipe: {first.name}, the default"


def find_recipe(name: str) -> Recipe:
    """Looks a recipe up by name.

    Raises:
        UsageError: No recipe has this name; the nearest names are offered.
    """
    if name not in RECIPES:
        raise unknown_name("recipe", name, RECIPES)
    return RECIPES[name]
