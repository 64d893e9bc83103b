"""The command that lists recipes, their architectures and options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from convscope.cli.console import STDOUT
from convscope.cli.help import print_columns, print_list, with_facts
from convscope.engine.training.settings import FIT_OPTIONS
from convscope.workflows.cluster.request import CLUSTER, WORKERS

if TYPE_CHECKING:
    from convscope.kinds.contract.kind import RecipeSpec
    from convscope.option import Option


def recipes(name: str | None = None, /) -> None:
    """List all recipes, or the layouts, architectures and options of one.

    Parameters
    ----------
    name:
        Recipe to describe, such as image-classification
    """
    from convscope.kinds.registry import find_spec

    if name is None:
        _print_all()
    else:
        print_recipe(find_spec(name))


def print_recipe(spec: RecipeSpec) -> None:
    """Prints what a recipe reads, its architectures, and its options with their defaults."""
    from convscope.kinds.registry import architectures

    STDOUT.print(Text(f"{spec.name}: {spec.summary}"), style="bold")
    print_list(STDOUT, "Data", spec.reads)
    known = architectures()
    rows = [(each, known[each].summary) for each in spec.architectures]
    if len(rows) > 1:
        rows[0] = (rows[0][0], f"{rows[0][1]} (default)")
    print_columns(STDOUT, "Architectures", rows)
    _print_options(spec)
    settings = [option for option in FIT_OPTIONS if option.name not in spec.ignored_settings]
    print_columns(STDOUT, "Training settings", [_row(option, spec) for option in settings])
    predicting = [option.flag for option in spec.options if option.predicts]
    if predicting:
        print_list(STDOUT, "Options of predict", [", ".join(predicting)])


def print_every_option(command: str) -> None:
    """Prints the settings of a training and the options of each recipe.

    Args:
        command: `train`, or `predict` for those options of each recipe that say how it predicts.
    """
    from convscope.kinds.registry import recipe_specs

    STDOUT.print(
        Text(f"Every option of {command}; `convscope {command} --help` shows the usual ones.", "bold")
    )
    if command == "train":
        shown = (*FIT_OPTIONS, CLUSTER, WORKERS)
        print_columns(STDOUT, "Training settings", [(option.flag, option.help) for option in shown])
    for spec in recipe_specs().values():
        if command == "train":
            _print_options(spec)
            continue
        rows = [_row(option, spec) for option in spec.options if option.predicts]
        if rows:
            print_columns(STDOUT, f"Options of {spec.name}", rows)


def _print_all() -> None:
    from convscope.kinds.registry import architectures, recipe_specs

    known = architectures()
    rows = [
        (spec.name, f"{spec.summary}\n{', '.join(spec.architectures)}") for spec in recipe_specs().values()
    ]
    print_columns(STDOUT, "Recipes and their architectures", rows)
    banks = [(each.name, each.summary) for each in known.values() if each.is_bank]
    print_columns(STDOUT, "Kernel banks, for extract without training", banks)
    STDOUT.print("\n`convscope recipes NAME` lists layouts, architectures and options.", markup=False)


def _print_options(spec: RecipeSpec) -> None:
    for title, options in (
        (f"Options of {spec.name}", spec.options),
        (f"Options of the architectures of {spec.name}", spec.model_options),
    ):
        if options:
            print_columns(STDOUT, title, [_row(option, spec) for option in options])


def _row(option: Option, spec: RecipeSpec) -> tuple[str, str]:
    return option.flag, with_facts(option.help, option.choices, _default(option, spec))


def _default(option: Option, spec: RecipeSpec) -> str | None:
    """The default of every architecture, or the usual one and those that differ."""
    own = {name: values[option.name] for name, values in spec.settings.items() if option.name in values}
    if option.defaults:
        by_name = {**option.defaults, **own}
        if len(set(map(_shown, by_name.values()))) > 1 or set(by_name) != set(spec.architectures):
            return ", ".join(f"{name} {_shown(value)}" for name, value in by_name.items())
        return _shown(next(iter(by_name.values())))
    values = [own.get(name, option.default) for name in spec.architectures]
    if all(value == values[0] for value in values):
        return None if values[0] is None else _shown(values[0])
    other = [f"{name} {_shown(value)}" for name, value in own.items() if value != option.default]
    return ", ".join([_shown(option.default), *other])


def _shown(value: object) -> str:
    """A default as it is typed on the command line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "auto" if value is None else str(value)
