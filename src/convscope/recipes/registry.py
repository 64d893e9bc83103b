"""The one list of recipes, and the choice of one for a path."""

from __future__ import annotations

from convscope.errors import unknown_name
from convscope.recipes.image_classification import IMAGE_CLASSIFICATION
from convscope.recipes.recipe import Recipe

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (IMAGE_CLASSIFICATION,)}


def find_recipe(name: str) -> Recipe:
    """Looks a recipe up by name.

    Raises:
        UsageError: No recipe has this name; the nearest names are offered.
    """
    if name not in RECIPES:
        raise unknown_name("recipe", name, RECIPES)
    return RECIPES[name]
