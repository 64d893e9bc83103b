"""Flags of the commands, made from `Option` values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, make_dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter

from convscope.cli.help import Columns, with_facts
from convscope.errors import DataError, UsageError
from convscope.kinds.contract.kind import RecipeSpec
from convscope.option import Option, validated

Command = Callable[..., None]
MAIN = Group("Options", sort_key=0)


@dataclass(frozen=True)
class OptionGroup:
    """Options below one title of a help screen.

    Args:
        title: The title; `Options` joins those that the function of the command has itself.
        options: The options.
        show_all: Whether the help also shows those that are not `common`.
        fixed: Whether the defaults hold in every case: then the help shows them, and a switch that is off by
            default needs no flag that turns it off.
    """

    title: str
    options: tuple[Option, ...]
    show_all: bool = True
    fixed: bool = True


Groups = tuple[OptionGroup, ...]


def recipe_options() -> tuple[Option, ...]:
    """Every option of every recipe and its architectures, each name once.

    A recipe that shares a name with another one shares its type; help is that of the first.
    """
    from convscope.kinds.registry import recipe_specs

    found: dict[str, Option] = {}
    for spec in recipe_specs().values():
        for option in (*spec.options, *spec.model_options):
            known = found.setdefault(option.name, option)
            if option.common and not known.common:
                found[option.name] = option
    return tuple(found.values())


def reader_options() -> tuple[Option, ...]:
    """What may be set when files are read for a model that comes without a run, each name once."""
    from convscope.kinds.registry import kinds

    return tuple({option.name: option for kind in kinds() for option in kind.reader_options}.values())


def add_options(command: Command, groups: Groups) -> None:
    """Gives the parameter `given` of a command a flag for each option."""
    entries = []
    for place, each in enumerate(groups, 1):
        hidden = frozenset(option.flag for option in each.options if not (each.show_all or option.common))
        group = Group(each.title, sort_key=10 + place, help_formatter=Columns(hidden))
        if each.title == MAIN.name:
            group = MAIN
        entries += [
            (option.name, _annotation(option, group, each.fixed), field(default=None))
            for option in each.options
        ]
    made = make_dataclass("Given", entries, frozen=True, kw_only=True)
    # None is the value where nothing is given: pydantic, where another package imports it, checks that.
    command.__annotations__["given"] = Annotated[made | None, Parameter(name="*", accepts_keys=True)]


def values_of(given: object) -> dict[str, Any]:
    """What was given on the command line, by name."""
    if not is_dataclass(given):
        return {}
    found = {each.name: getattr(given, each.name) for each in fields(given)}
    return {name: value for name, value in found.items() if value is not None}


def checked_values(given: object, groups: Groups, command: str) -> dict[str, Any]:
    """What was given on the command line, validated.

    Raises:
        UsageError: A value that cannot work.
        DataError: A file that does not exist.
    """
    options = [option for group in groups for option in group.options]
    return checked_options(options, values_of(given), command)


def predict_options(spec: RecipeSpec, values: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a recipe that say how it predicts, validated.

    Raises:
        UsageError: One that it does not have, or a value that cannot work.
        DataError: A file that does not exist.
    """
    return checked_options([option for option in spec.options if option.predicts], values, spec.name)


def reads(option: Option) -> bool:
    """Whether an option says how data with labels is read."""
    return option.predicts or option.name.endswith(("_column", "_pattern"))


def reading_options(spec: RecipeSpec, values: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a recipe that say how data with labels is read, validated.

    Raises:
        UsageError: One that it does not have, or a value that cannot work.
        DataError: A file that does not exist.
    """
    return checked_options([option for option in spec.options if reads(option)], values, spec.name)


def checked_options(options: Iterable[Option], values: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Values by name, validated; files that they name exist.

    Raises:
        UsageError: An option that does not exist, or a value that cannot work.
        DataError: A file that does not exist.
    """
    listed = list(options)
    for name in values:
        if name not in {option.name for option in listed}:
            raise _unsupported(name, owner)
    checked = validated(listed, values, owner)
    for option in listed:
        if option.type is not Path or option.name not in checked:
            continue
        path = Path(checked[option.name])
        if not (path.is_dir() if option.folder else path.is_file()):
            raise DataError(
                f"{path}: there is no such {'folder' if option.folder else 'file'}.",
                f"Check the value of {option.flag}.",
            )
    return checked


def _unsupported(name: str, owner: str) -> UsageError:
    """The error for an option that belongs elsewhere; its hint says where."""
    from convscope.kinds.registry import recipe_specs

    owners = [
        spec.name
        for spec in recipe_specs().values()
        if name in {option.name for option in (*spec.options, *spec.model_options)}
    ]
    flag = f"--{name.replace('_', '-')}"
    hint = f"{flag} is an option of {', '.join(owners)}; `convscope recipes NAME` lists the options of each."
    return UsageError(f"{owner} does not support {flag}.", hint)


def _annotation(option: Option, group: Group, fixed: bool) -> object:
    """The type hint from which the parser and its help are made."""
    kind: Any = str if option.parse is not None else option.type
    kind = list[str] if kind == tuple[str, ...] else kind
    shown = str(option.default) if fixed and option.default is not None and kind is not bool else None
    turned_off = kind is bool and not (fixed and option.default is False)
    flag = Parameter(
        name=option.flags,
        help=with_facts(option.help, option.choices, shown),
        show_choices=False,
        negative=f"--no-{option.flag.removeprefix('--')}" if turned_off else (),
        allow_leading_hyphen=kind in (int, float) or any(each.startswith("-") for each in option.choices),
        group=group,
    )
    return Annotated[kind | None, flag]
