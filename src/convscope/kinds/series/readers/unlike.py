"""Tables whose columns are no times: measurements of different things, in an order that means nothing."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from convscope.data.groups import group_column
from convscope.data.number_forms import is_number
from convscope.errors import DataError
from convscope.kinds.series.readers.time_words import looks_like_time

FEWEST_TIMES = 8
"""Columns of a row from which on it can be a series, where their names do not count."""
MANY_TIMES = 40
"""Columns without names from which on a row is taken for a series, whatever stands in it."""
SMOOTH = 0.5
"""Differences of neighbors, relative to those of any two values of a row, up to which it is smooth."""
ROUGH = 0.8
"""The same from which on the order of columns seems to mean nothing."""

FEWEST_COLUMNS_OF_RECORDS = 4
"""Columns from which on rows without times are tested for whether they follow each other."""

_CHANCE = 0.1
_FEW_COLUMNS = 20
_MOST_UNLIKE = 10.0
_VERY_SMOOTH = 0.2
_MOST_ROWS = 2_000
_SHOWN = 6
_ID_NAME = re.compile(
    r".*(?:[_ .-]id|[a-z]ID|[a-z]Id)|id|(?:machine|device|sensor|engine|unit|turbine|station|pump|series"
    r"|asset|entity|node|meter|site)(?:[_ .-]?(?:no|nr|number|name|id))?",
    re.IGNORECASE,
)

Values = npt.NDArray[np.float32]


def is_id_name(name: str) -> bool:
    """Whether a column is called as those are that tell machines or sensors apart.

    Example:
        >>> [is_id_name(name) for name in ("entity_id", "machineID", "sensor", "humid")]
        [True, True, True, False]
    """
    return _ID_NAME.fullmatch(name.strip()) is not None


def names_count(names: Sequence[str]) -> bool:
    """Whether the names of columns say that these are times: they count up, or are numbers or times.

    Example:
        >>> names_count(["t0", "t1", "t2"]), names_count(["0.5", "1.0"]), names_count(["age", "sex"])
        (True, True, False)
    """
    ends = [re.fullmatch(r"(.*?)[ _.-]?(\d+)", name.strip()) for name in names]
    stems = {end[1] for end in ends if end is not None}
    if all(ends) and len(stems) == 1:
        return True
    return len(names) > 1 and all(is_number(name) or looks_like_time(name.strip()) for name in names)


def group_beside_label(names: Sequence[str], asked: str | None) -> str | None:
    """The column of groups, as `group_column`; a lone column beside times that count is the label.

    Example:
        >>> group_beside_label(["subject", "label", "t0", "t1"], None)
        'subject'
        >>> group_beside_label(["group", "t0", "t1"], None) is None
        True
    """
    group = group_column(names, asked)
    return None if asked is None and names_count([name for name in names if name != group]) else group


def counted_columns(names: Sequence[str]) -> list[str]:
    """The columns whose names count up behind one stem, where there are enough of them; else none.

    Example:
        >>> counted_columns(["walk", *(f"t{number}" for number in range(9))])[:2]
        ['t0', 't1']
    """
    ends = {name: match[1] for name in names if (match := re.fullmatch(r"(.*?)[ _.-]?\d+", name.strip()))}
    stems = Counter(ends.values())
    stem = max(stems, key=lambda each: stems[each], default="")
    return [name for name, its in ends.items() if its == stem] if stems[stem] >= FEWEST_TIMES else []


def times_of(names: Sequence[str]) -> list[str]:
    """The columns that are times: those that count where few others describe a row beside them, or else all.

    Example:
        >>> times_of(["age", *(f"t{number}" for number in range(9))])[:2], times_of(["a", "b", "c1"])
        (['t0', 't1'], ['a', 'b', 'c1'])
    """
    counted = counted_columns(names)
    return counted if 2 * (len(names) - len(counted)) < len(counted) else list(names)


def counted_variables(names: Sequence[str]) -> dict[str, list[str]]:
    """Columns of several variables at several times, `ax_0`, `ax_1`, ..., `ay_0`; none where not all are.

    Returns:
        The columns of each variable in the order of their numbers, as many for each.

    Example:
        >>> made = counted_variables([f"{axis}_{time}" for time in range(8) for axis in ("ax", "ay")])
        >>> list(made), made["ay"][:2]
        (['ax', 'ay'], ['ay_0', 'ay_1'])
    """
    by_stem: dict[str, dict[int, str]] = {}
    for name in names:
        end = re.fullmatch(r"(.*?)[ _.-]?(\d+)", name.strip())
        if end is None:
            return {}
        by_stem.setdefault(end[1], {})[int(end[2])] = name
    numbers = [sorted(each) for each in by_stem.values()]
    alike = len(by_stem) > 1 and all(each == numbers[0] for each in numbers) and "" not in by_stem
    if not alike or len(numbers[0]) < FEWEST_TIMES or len(by_stem) * len(numbers[0]) < len(names):
        return {}
    return {stem: [each[number] for number in numbers[0]] for stem, each in by_stem.items()}


def counted_order(names: Sequence[str]) -> list[str] | None:
    """Names that count, in order; None where they do not count or are in order.

    Example:
        >>> counted_order(["t2", "t10", "t1"]), counted_order(["t1", "t2"]), counted_order(["a", "b"])
        (['t1', 't2', 't10'], None, None)
    """
    ends = [re.fullmatch(r"(\D*)(\d+)", name.strip()) for name in names]
    if len({end[1] for end in ends if end is not None}) != 1 or not all(ends):
        return None
    by_number = sorted(names, key=lambda name: int(re.sub(r"\D", "", name)))
    return None if by_number == list(names) else by_number


def roughness(values: Values) -> float:
    """How unlike neighbors are: about 1 where the order of columns means nothing, near 0 of smooth series.

    Half the mean square of the differences of neighbors, relative to the variance of the row (von Neumann
    1941, "Distribution of the ratio of the mean square successive difference to the variance"), of the median
    row.

    Args:
        values: Shape (rows, columns), NaN where missing.

    Returns:
        1 where it cannot be computed.

    Example:
        >>> round(roughness(np.sin(np.arange(50) / 5)[None]), 2)
        0.02
    """
    some = values[:: max(1, len(values) // _MOST_ROWS)].astype(np.float64)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # rows of missing values have no mean
        steps = np.nanmean(np.diff(some, axis=1) ** 2, axis=1)
        ratios = steps / (2 * np.nanvar(some, axis=1))
        middle = np.nanmedian(ratios[np.isfinite(ratios)]) if np.isfinite(ratios).any() else 1.0
    return float(middle)


def why_unlike(names: Sequence[str], values: Values, named: bool) -> str | None:
    """Why the columns of a wide table cannot be taken for times; None where they can.

    Args:
        names: Of the columns of numbers, without labels, splits and ids.
        values: Shape (rows, columns).
        named: Whether the names stand in the file.
    """
    count = values.shape[1]
    if (names_count(names) if named else count >= MANY_TIMES) or count < 2:
        return None
    rough = roughness(values)
    apart = _unlikeness(values)
    if count < FEWEST_TIMES:
        return f"they are only {count}{', and their names do not count' if named else ''}"
    if rough > SMOOTH:
        return "neighbors are no more alike than any two of them" + (
            ", and their names do not count" if named else ""
        )
    if count < _FEW_COLUMNS and apart > _MOST_UNLIKE and rough > _VERY_SMOOTH:
        return f"their scales differ {apart:,.0f} times"
    return None


def check_columns(where: str, names: Sequence[str], values: Values, named: bool, target: str | None) -> None:
    """Refuses a table of unlike columns.

    Raises:
        DataError: With what to use in place of convolution.
    """
    why = why_unlike(names, values, named)
    if why is not None:
        raise unlike_error(where, names, why, target)


def check_rows(where: str, names: Sequence[str], values: Values, groups: npt.NDArray[np.int64]) -> None:
    """Refuses rows that follow each other like drawn cards, although no column says when they were measured.

    Args:
        where: The file.
        names: Of the columns of numbers.
        values: Shape (rows, columns).
        groups: What may have sorted the rows, such as their class, as a number from 0, shape (rows,).

    Raises:
        DataError: There are several columns, and no row tells anything of the next one in most of them.
    """
    if len(names) < FEWEST_COLUMNS_OF_RECORDS or len(values) < MANY_TIMES or names_count(names):
        return
    rest = values.astype(np.float64)
    for group in np.unique(groups):
        mine = groups == group
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rest[mine] -= np.nanmean(rest[mine], axis=0)
    alike = [1 - roughness(column[None].astype(np.float32)) for column in rest.T if np.nanstd(column) > 0]
    if alike and float(np.median(np.abs(alike))) < max(_CHANCE, 2 / np.sqrt(len(values))):
        raise unlike_error(where, names, "no row tells anything of the next one, and none has a time", None)


def unlike_error(where: str, names: Sequence[str], why: str, target: str | None) -> DataError:
    """The error for a table that is no data for convolution."""
    shown = ", ".join(map(repr, names[:_SHOWN])) + (", ..." if len(names) > _SHOWN else "")
    beside = f" beside {target!r}" if target is not None else ""
    return DataError(
        f"{where}: the {len(names)} columns{beside} ({shown}) are no series: {why}",
        hint="Convolution needs values whose order means something. For a table of different things use "
        "gradient boosting, such as HistGradientBoostingClassifier or HistGradientBoostingRegressor of "
        "scikit-learn. If each row is a series all the same, say so with --rows series; if each row is a "
        "time, say so with --rows times, or name the column of times with --time-column.",
    )


def why_doubtful(values: Values) -> str | None:
    """The warning for columns that were taken for times without evidence in their values."""
    if values.shape[1] < FEWEST_TIMES or roughness(values) <= ROUGH:
        return None
    return (
        "the columns were taken for times, but neighbors are no more alike than any two of them: if their"
        " order means nothing, use gradient boosting, such as HistGradientBoostingClassifier of scikit-learn"
    )


def _unlikeness(values: Values) -> float:
    """How many times the largest spread of a column is the smallest one."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        spreads = np.nanstd(values.astype(np.float64), axis=0)
    spreads = spreads[np.isfinite(spreads) & (spreads > 0)]
    return float(spreads.max() / spreads.min()) if len(spreads) else 1.0
