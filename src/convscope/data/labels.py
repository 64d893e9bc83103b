"""Labels: which columns could hold them, and which samples have none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from convscope.data.columns import MISSING_WORDS
from convscope.data.number_forms import is_any_number
from convscope.data.tables import Table
from convscope.errors import DataError
from convscope.types import SPLITS, SplitName

MOST_CLASSES = 2000
"""Classes of two columns that are compared, and those that are counted for a message."""
_BITS = frozenset({"0", "1", "0.0", "1.0", "True", "False", "true", "false"})
_PLAIN = re.compile(r"[\w.:/+-]+")  # what shells take as it is
_LETTER = re.compile(r"[^\W\d_]")
_BETWEEN = re.compile(r"[\s,;+]+")
_LISTED = re.compile(r"[,;+]")
"""What parts several classes that are written into one column."""
UNKNOWN = "-1"
"""What some data sets write where a label is not known."""


def same_labels(table: Table, label: str, others: Sequence[str]) -> tuple[str, ...]:
    """The columns that say the same as the labels in other words, such as numbers beside names.

    Such a column is no input, since the label follows from it.

    Args:
        table: The table; all of its rows are read.
        label: The column of labels.
        others: Columns that are compared.

    Returns:
        Those of which each value stands beside one label, and each label beside one value.
    """
    if not others:
        return ()
    there: dict[str, dict[object, object]] = {name: {} for name in others}
    back: dict[str, dict[object, object]] = {name: {} for name in others}
    for _, (raw, *cells) in table.rows([label, *others]):
        value = _plain(raw)
        for name, cell in zip(others, cells, strict=True):
            if name not in there:
                continue
            other = _plain(cell)
            fits = (
                there[name].setdefault(value, other) == other and back[name].setdefault(other, value) == value
            )
            if not fits or len(there[name]) > MOST_CLASSES:
                del there[name]
        if not there:
            return ()
    return tuple(name for name, pairs in there.items() if len(pairs) > 1)


class SeveralLabelsError(DataError):
    """Several columns can hold the labels, and only the user can say which."""


def several_labels(table: Table, names: Sequence[str]) -> DataError:
    """The error where several columns could hold the labels: it lists them with their classes.

    Args:
        table: The table; all of its rows are read.
        names: The columns that could.
    """
    classes: dict[str, dict[str, None]] = {name: {} for name in names}
    for _, cells in table.rows(names):
        for found, cell in zip(classes.values(), cells, strict=True):
            if len(found) <= MOST_CLASSES and cell is not None and cell != "":
                found[str(cell)] = None
    return label_choice(str(table.path), {name: list(found) for name, found in classes.items()})


def label_choice(where: str, classes: Mapping[str, Sequence[str]]) -> DataError:
    """The error of `several_labels` for columns whose classes are known.

    Args:
        where: The file, for messages.
        classes: The columns that could hold the labels, with the classes in each.

    Returns:
        An error whose hint names a column with the fewest classes: dates and names have many.
    """
    listed = "; ".join(_described(name, found) for name, found in list(classes.items())[:8])
    listed += f"; and {len(classes) - 8} more" if len(classes) > 8 else ""
    likely = min(classes, key=lambda name: len(classes[name]))
    if len(classes) > 1 and all(set(found) <= _BITS for found in classes.values()):
        return several_classes(where, list(classes))
    return SeveralLabelsError(
        f"{where}: expected one column of labels, received {len(classes)} that could be it: {listed}",
        hint=f"Choose one, such as --label-column {_in_quotes(likely)}.",
    )


def several_classes(where: str, names: Sequence[str]) -> DataError:
    """The error for columns of 0 and 1 that each say of a class whether a sample is of it.

    Args:
        where: The file, for messages.
        names: The columns.
    """
    shown = ", ".join(map(repr, names[:8])) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    return SeveralLabelsError(
        f"{where}: expected one column of labels, received {len(names)} columns of 0 and 1 ({shown}), which"
        " would be several classes of one sample (multi-label)",
        hint=f"Learn them one by one, such as --label-column {_in_quotes(names[0])}; if each row has a single"
        " 1, write the name of its column into a column label, as table[columns].idxmax(axis=1) gives it.",
    )


def _in_quotes(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else f'"{name}"'


def _described(name: str, classes: Sequence[str]) -> str:
    shown = ", ".join(each[:20] for each in classes[:3])
    count = f"more than {MOST_CLASSES:,}" if len(classes) > MOST_CLASSES else f"{len(classes)}"
    return f"'{name}' ({count} classes: {shown}{', ...' if len(classes) > 3 else ''})"


def _plain(value: object) -> object:
    """What can be compared; lists and objects by their text."""
    return value if isinstance(value, str | int | float) or value is None else str(value)


def doubtful_classes(class_names: Sequence[str]) -> tuple[str, ...]:
    """What to say of class names that differ in case alone, or are made of a few words of several of them.

    Where several classes of one sample (multi-label) are written into one column, each combination of them
    would be learned as a class of its own.

    Example:
        >>> doubtful_classes(["rust", "scab", "rust scab", "rust spot", "scab spot"])[0][:36]
        "labels: 'rust scab', 'rust spot' and"
        >>> doubtful_classes(["dog", "speech", "speech,dog"])[0][:41]
        "labels: 'speech,dog' are made of 2 words;"
        >>> doubtful_classes(["New York", "New Jersey", "Ohio"])
        ()
    """
    spelled = _spelled_alike(class_names)
    parts = {name: tuple(part for part in _BETWEEN.split(name) if part) for name in class_names}
    composed = [name for name in class_names if len(parts[name]) > 1]
    counts = Counter(part for name in class_names for part in set(parts[name]))
    listed = [name for name in composed if _LISTED.search(name) and {*parts[name]} <= {*class_names}]
    few = len(composed) < 3 or any(counts[part] < 2 for name in composed for part in parts[name])
    if few and not listed:
        return spelled
    composed = listed if few else composed
    more = f" and {len(composed) - 2} more" if len(composed) > 2 else ""
    return (
        *spelled,
        f"labels: {', '.join(map(repr, composed[:2]))}{more} are made of"
        f" {len({part for name in composed for part in parts[name]})} words; each is taken for a class of its"
        " own. If they are several classes of one sample (multi-label), write a column of 0 and 1 for each"
        " and learn them one by one with --label-column",
    )


def _spelled_alike(class_names: Sequence[str]) -> tuple[str, ...]:
    """What to say of class names that differ only in case; single letters do so on purpose.

    Example:
        >>> _spelled_alike(["a", "A"]), len(_spelled_alike(["Yes", "yes", "no", "No"]))
        ((), 1)
    """
    alike: dict[str, list[str]] = {}
    for name in class_names:
        if len(name) > 1:
            alike.setdefault(" ".join(name.casefold().split()), []).append(name)
    several = [names for names in alike.values() if len(names) > 1]
    if not several:
        return ()
    more = f" and {len(several) - 1} more classes" if len(several) > 1 else ""
    return (
        f"labels: {', '.join(map(repr, several[0]))}{more} differ only in case or spaces, and each is a"
        " class of its own; if they are meant to be one, write them alike",
    )


def labeled(
    where: str,
    labels: Sequence[str | None],
    splits: Sequence[SplitName | None],
    nouns: tuple[str, str],
) -> tuple[npt.NDArray[np.bool_], list[str]]:
    """Which samples have a label, and what to say of the others.

    A label -1 is none where the other labels are the numbers from 0 to 2 or more, or where it is that of a
    whole split that is not train; beside 0 and 1, or 1 alone, it is a class, as of a negative opinion. A word
    such as NA or None is none where all other labels are numbers, and a class among other words.

    Args:
        where: The path that was read, for messages.
        labels: The class name of each sample; None where there is none.
        splits: The split of each sample; None for all of them where the data has no splits.
        nouns: What one sample and many are called.

    Returns:
        Shape (samples,), and a line for each split of which samples are left out.

    Raises:
        DataError: No sample has a label.

    Example:
        >>> labeled("t.csv", ["a", None, "b"], [None, None, None], ("text", "texts"))[1]
        ['1 of 3 texts has no label and is left out']
    """
    known = np.array([label is not None for label in labels], bool)
    unknown = _unknown_numbers(labels, splits)
    known &= ~(unknown | _words_for_none(labels))
    if not known.any():
        raise DataError(
            f"{where}: expected labels, received {len(labels)} {nouns[1]} without any",
            hint="Name the column of the labels, or give the file that has them.",
        )
    lines = []
    of_split = np.array([split or "" for split in splits], object)
    for name in ("", *SPLITS):
        total, missing = int(np.sum(of_split == name)), int(np.sum(~known & (of_split == name)))
        if missing:
            lines.append(_said(missing, total, name, nouns, bool((unknown & (of_split == name)).any())))
    return known, lines


def _unknown_numbers(
    labels: Sequence[str | None], splits: Sequence[SplitName | None]
) -> npt.NDArray[np.bool_]:
    """Where a label is -1 and stands for none."""
    minus = np.array([label == UNKNOWN for label in labels], bool)
    if not minus.any():
        return minus
    others = {label for label in labels if label is not None} - {UNKNOWN}
    if not all(label.isascii() and label.isdigit() for label in others):
        return np.zeros(len(minus), bool)
    of_split = np.array([split or "" for split in splits], object)
    whole = {name for name in ("validation", "test") if minus[of_split == name].all()}
    if "train" in set(splits) and not minus[of_split == "train"].any():
        return minus & np.isin(of_split, sorted(whole))
    numbered = sorted(map(int, others)) == list(range(len(others))) and len(others) > 2
    return minus if numbered else np.zeros(len(minus), bool)


def _words_for_none(labels: Sequence[str | None]) -> npt.NDArray[np.bool_]:
    """Where a label is a word for a missing value among numbers, or a sign for one among words.

    Example:
        >>> _words_for_none(["yes", "no", "-"]).tolist(), _words_for_none(["+", "-", "0"]).tolist()
        ([False, False, True], [False, False, False])
    """
    words = {label for label in labels if label in MISSING_WORDS}
    others = {label for label in labels if label is not None} - words
    none: Collection[str] = ()
    if len(others) > 1 and all(map(is_any_number, others)):
        none = words
    elif len(others) > 1 and all(map(_LETTER.search, others)):
        none = {word for word in words if not any(map(str.isalnum, word))}
    return np.array([label in none for label in labels], bool)


def _said(missing: int, total: int, split: str, nouns: tuple[str, str], numbers: bool) -> str:
    one, many = nouns
    of_split = f"{split} " if split else ""
    no_label = "the label -1, which stands for none," if numbers else "no label"
    if missing == total:
        return f"the {missing} {of_split}{many if missing > 1 else one} have {no_label} and are left out"
    verb, be = ("has", "is") if missing == 1 else ("have", "are")
    return f"{missing} of {total} {of_split}{many} {verb} {no_label} and {be} left out"
