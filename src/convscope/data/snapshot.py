"""What can be seen of a path without reading it, from which each kind of data tells whether it is its own."""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice, pairwise
from pathlib import Path

from convscope.data.heads import (
    JSON,
    PARQUET,
    TABLES,
    ArrayHead,
    TableHead,
    array_heads,
    suffix_of,
    table_head,
    text_head,
)
from convscope.data.number_forms import is_any_number
from convscope.data.tables import open_table, table_kind
from convscope.errors import ConvscopeError

MOST_FILES = 4_000
"""Files of a folder that are listed."""
MOST_OPENED = 50
"""Files of one sort that are opened."""
MOST_VALUES = 20_000
"""Rows of a table that are read for one column."""

_FEWEST_LINES = 6
_MOST_WORDS = 6
_SMALLEST_SIDE = 8
_MEASURED = re.compile(r"[-+]?\d+(?:[.,]\d+)?\s?(?:%|°?[A-Za-zµ]{1,4}(?:/s)?)")
_SPARSE = re.compile(r"\S+(?:\s+\d+:\S+)+\s*")
_ABOUT = re.compile(r"(readme|licen[cs]e|copying|changelog|citation|authors|contributing)([._-].*)?", re.I)
_DOCUMENTS = re.compile(
    r".*\.(md|rst|html?|pdf|docx?|tex|py|ipynb|r|m|sh|ya?ml|xml|toml|cfg|ini|log|js|css|c|h|cpp|java)", re.I
)


@dataclass(frozen=True)
class DataSnapshot:
    """What is seen of a path without reading it; nothing in it fails, and everything in it is bounded.

    Args:
        path: A file, a folder, or how the names of files begin, such as `corpus/train`.
        label_column: The column of labels that the user names.
        group: The column of groups that the user names, or a pattern of paths.
        drop: Columns that the user leaves out.
    """

    path: Path
    label_column: str | None = None
    group: str | None = None
    drop: tuple[str, ...] = ()
    _heads: dict[Path, str] = field(default_factory=dict, init=False, repr=False, compare=False)
    _tables: dict[Path, TableHead | None] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """The file, or the first files of the folder at any depth, hidden ones left out."""
        if not self.path.is_dir():
            return (self.path,) if self.path.is_file() else self._with_prefix()
        found: list[Path] = []
        for folder, inside, names in os.walk(self.path):
            inside[:] = sorted(name for name in inside if not name.startswith("."))
            files = (Path(folder, name) for name in sorted(names) if not name.startswith("."))
            found += [file for file in files if file.is_file()]  # a pipe would wait for its writer
            if len(found) >= MOST_FILES:
                break
        return tuple(found[:MOST_FILES])

    @cached_property
    def data_files(self) -> tuple[Path, ...]:
        """Those that are neither documents, programs nor about the data by their names."""
        return tuple(
            file
            for file in self.files
            if not (_ABOUT.fullmatch(file.name) or _DOCUMENTS.fullmatch(file.name))
        )

    @cached_property
    def suffixes(self) -> Counter[str]:
        """How many files of data end so, in lower case; `.gz` is left out of `.csv.gz`."""
        return Counter(suffix_of(file) for file in self.data_files)

    def ending_in(self, suffixes: frozenset[str]) -> tuple[Path, ...]:
        """The files of data with one of these suffixes."""
        return tuple(file for file in self.data_files if suffix_of(file) in suffixes)

    def prevails(self, suffixes: frozenset[str]) -> bool:
        """Whether no other suffix has more files of data than these together."""
        mine = sum(self.suffixes[suffix] for suffix in suffixes)
        return mine > 0 and all(
            count <= mine for suffix, count in self.suffixes.items() if suffix not in suffixes
        )

    @cached_property
    def tables(self) -> Mapping[Path, TableHead]:
        """The first tables by their files: CSV, TSV, JSON Lines and Parquet."""
        files = self.ending_in(TABLES)[:MOST_OPENED]
        heads = ((file, self.table(file)) for file in files)
        return {file: head for file, head in heads if head is not None}

    @cached_property
    def texts(self) -> Mapping[Path, str]:
        """How the first files begin that are text and no tables by their names, over all folders evenly."""
        others = [file for file in self.data_files if suffix_of(file) not in TABLES]
        by_folder: dict[Path, list[Path]] = {}
        for file in others:
            by_folder.setdefault(file.parent, []).append(file)
        each = max(1, MOST_OPENED // max(1, len(by_folder)))
        chosen = list(chain.from_iterable(files[:each] for files in by_folder.values()))[:MOST_OPENED]
        heads = ((file, self.head(file)) for file in chosen)
        return {file: head for file, head in heads if head}

    @property
    def beside(self) -> tuple[Path, ...]:
        """The other files in the folder of a single file."""
        if not self.path.is_file():
            return ()
        return tuple(sorted(each for each in self.path.parent.glob("*") if each != self.path))[:MOST_FILES]

    def named(self, file: Path) -> str:
        """What a file is called in messages: its path below the folder, or its name."""
        return str(file.relative_to(self.path)) if self.path in file.parents else file.name

    def head(self, file: Path) -> str:
        """The beginning of a text file up to the end of a line; empty for anything else.

        Args:
            file: UTF-8 or UTF-16 by its byte order mark; other encodings give replacement characters.
        """
        if file not in self._heads:
            self._heads[file] = text_head(file)
        return self._heads[file]

    def table(self, file: Path) -> TableHead | None:
        """How a file begins as a table; None where it is empty or none.

        Args:
            file: JSON Lines and Parquet by their suffixes; any other text is taken for CSV.
        """
        if file not in self._tables:
            binary = suffix_of(file) in PARQUET
            self._tables[file] = table_head(file, "" if binary else self.head(file))
        return self._tables[file]

    def values(self, file: Path, name: str) -> tuple[str, ...]:
        """What stands in a column of a table, over many more rows than `table` has.

        Args:
            file: A table; text of any other ending is taken for CSV.
            name: The column; nothing where there is none, or a row is malformed.
        """
        kind = table_kind(file) or ("CSV" if self.table(file) is not None else None)
        if kind is None:
            return ()
        try:
            table = open_table(file, kind)
            chosen = [name] if name in table.columns else []  # a header may be none in the whole file
            cells = [row[0] for _, row in islice(table.rows(chosen), MOST_VALUES) if row]
        except ConvscopeError:
            return ()
        return tuple("" if cell is None else table.numbers.plain(str(cell)) for cell in cells)

    def arrays(self, file: Path) -> Mapping[str, ArrayHead]:
        """The arrays of a file by their names, none of which is loaded, as `array_heads` reads them."""
        return array_heads(file)

    def summary(self) -> str:
        """What was seen, in one line for messages.

        Example:
            >>> DataSnapshot(Path("no/such/folder")).summary()
            'no such file or folder'
        """
        if not self.files:
            return "an empty folder" if self.path.is_dir() else "no such file or folder"
        counts = Counter(suffix_of(file) for file in self.files)
        parts = [self._described(suffix, count) for suffix, count in counts.most_common(4)]
        if len(counts) > len(parts):
            parts.append(f"{sum(counts.values()) - sum(n for _, n in counts.most_common(4))} other files")
        more = "at least " if len(self.files) == MOST_FILES else ""
        return f"{more}{', '.join(parts)}"

    def advice(self) -> str:
        """What to change so that the data may be recognized; empty where nothing is known."""
        return " ".join(dict.fromkeys((*self._of_tables(), *self._of_texts(), *self._of_arrays())))

    def _of_tables(self) -> Iterator[str]:
        for file, head in islice(self.tables.items(), MOST_OPENED):
            nested = [name for at, name in enumerate(head.first) if _is_nested(head, at)]
            if nested and suffix_of(file) in JSON:
                yield (
                    f"Flatten {_few(nested)} of {file.name}, which hold objects: pandas.json_normalize(rows)"
                    f" names columns such as {nested[0]}.text; then name them, as by --label-column."
                )
            elif (at := _with_units(head)) is not None:
                shown = head.column(at)[0]
                yield f"Write the numbers of {head.first[at]!r} in {file.name} without units: {shown!r}."
            elif not head.named:
                count = len(head.first)
                yield f"Give {file.name} a first line that names its {count} columns, such as label."
            elif _is_of_unlike_columns(head):
                yield (
                    "Convolutions learn from neighbors in a picture, text or series; the columns of"
                    f" {file.name} ({_few(head.first)}) are different things in no order: for such a table"
                    " use gradient boosting, such as HistGradientBoostingClassifier of scikit-learn. If its"
                    " rows follow one another in time, add a column time."
                )

    def _of_arrays(self) -> Iterator[str]:
        for file in self.ending_in(frozenset([".npz"]))[:1]:
            for name, head in self.arrays(file).items():
                shapes = _picture_shapes(head.shape)
                if shapes:
                    yield (
                        f"If each row of {name} is an image: arrays = dict(numpy.load('{file.name}'));"
                        f" arrays['{name}'] = arrays['{name}'].{shapes}; numpy.savez('images.npz', **arrays)."
                    )
                    return

    def _of_texts(self) -> Iterator[str]:
        alone = (self.path,) if suffix_of(self.path) not in TABLES and self.head(self.path) else ()
        for file in islice(self.texts or alone, MOST_OPENED):
            if _has_fixed_widths(self.head(file).splitlines()):
                yield (
                    f"The columns of {file.name} have fixed widths: write them as CSV with"
                    f" pandas.read_fwf('{file.name}').to_csv('{file.stem}.csv', index=False)."
                )
                return
            if all(map(_SPARSE.fullmatch, self.head(file).splitlines()[:5])):
                yield (
                    f"{file.name} has lines of LIBSVM, a label and numbered features with their values, whose"
                    " order says nothing: read it with sklearn.datasets.load_svmlight_file and use gradient"
                    " boosting, such as HistGradientBoostingClassifier of scikit-learn."
                )
                return
            head = self.table(file)
            if (
                head is not None
                and len(head.first) > 1 + (not head.named or head.delimiter != "|")
                and len(head.rows) > 1
                and head.delimiter
            ):
                yield _renamed(file, head, self.suffixes[suffix_of(file)])
                return

    def _described(self, suffix: str, count: int) -> str:
        file = next(file for file in self.files if suffix_of(file) == suffix)
        what = f"{suffix} file{'s' * (count > 1)}" if suffix else f"file{'s' * (count > 1)} without a suffix"
        details = ""
        if suffix in TABLES:
            head = self.table(file)
            if head is not None and head.first:
                what_first = "columns" if head.named else "no header, but a first row of"
                details = f" with {what_first} {_few(head.first)}"
        elif suffix in (".npz", ".npy"):
            arrays = [f"{name} {head.shape}" for name, head in self.arrays(file).items()]
            details = f" with arrays {_few(arrays)}" if arrays else ", not a readable NumPy archive"
        return f"{count} {what}{details}"

    def _with_prefix(self) -> tuple[Path, ...]:
        """Files whose names begin with that of a path that is none itself, such as `corpus/train`."""
        if not self.path.parent.is_dir() or not self.path.name:
            return ()
        same = (each for each in self.path.parent.glob("*") if each.name.startswith(self.path.name))
        return tuple(sorted(file for file in same if file.is_file()))[:MOST_FILES]


def _picture_shapes(shape: Sequence[int]) -> str:
    """How rows of so many values would become square images; empty where they cannot."""
    pixels = shape[1] if len(shape) == 2 else 0
    for channels in (1, 3):
        side = math.isqrt(pixels // channels)
        if side >= _SMALLEST_SIDE and side * side * channels == pixels:
            if channels == 1:
                return f"reshape(-1, {side}, {side})"
            apart = f"reshape(-1, 3, {side}, {side}).transpose(0, 2, 3, 1)"
            return f"reshape(-1, {side}, {side}, 3), or .{apart} where all of red comes first"
    return ""


def _renamed(file: Path, head: TableHead, files: int) -> str:
    """How so many tables of another ending become one that is read."""
    said = f"{file.name} has rows of {len(head.first)} fields: "
    if head.named:
        return f"{said}call it {file.stem}.csv."
    if files < 2:
        return f"{said}call it {file.stem}.csv, with a first line that names the columns."
    mark = r"\s+" if head.delimiter == " " else head.delimiter
    return (
        f"{said}name these in a list, the one that says what each row is 'label', and write one table:"
        f" tables = [pandas.read_csv(path, sep={mark!r}, header=None, names=names).assign(series=path.stem)"
        f" for path in pathlib.Path('.').glob('*{file.suffix}')];"
        " pandas.concat(tables).to_csv('all.csv', index=False)."
    )


def _has_fixed_widths(lines: Sequence[str]) -> bool:
    """Whether columns of spaces, some several wide, part all lines, as where each field has its width."""
    some = [line.expandtabs().rstrip() for line in lines[:MOST_OPENED] if line.strip()]
    wide = [line for line in some if "  " in line.strip()]
    if len(some) < _FEWEST_LINES or 2 * len(wide) < len(some):
        return False
    width = max(map(len, some))
    blank = [all(line[at : at + 1] in ("", " ") for line in some) for at in range(width)]
    fields = sum(not here and before for before, here in pairwise([True, *blank]))
    return fields > 1 and any(len(line.split()) > fields for line in some)


def _with_units(head: TableHead) -> int | None:
    """The first column of numbers with a unit behind them, as some tools write them for people."""
    columns = ((at, head.column(at)) for at in range(len(head.first)))
    found = (
        at
        for at, cells in columns
        if cells and sum(map(bool, map(_MEASURED.fullmatch, cells))) > len(cells) / 2
    )
    return next(found, None)


def _is_of_unlike_columns(head: TableHead) -> bool:
    """Whether most columns of a table hold a number for each row and are called differently."""
    stems = {name.rstrip("0123456789") for name in head.first}
    numeric = [
        at for at in range(len(head.first)) if all(is_any_number(cell) for cell in head.column(at) if cell)
    ]
    several = len(head.first) > 1 and len(stems) > len(head.first) / 2
    short = all(len(cell.split()) <= _MOST_WORDS for row in head.rows for cell in row)
    return several and short and len(head.rows) > 1 and 2 * len(numeric) >= len(head.first)


def _is_nested(head: TableHead, at: int) -> bool:
    cells = head.column(at)
    return bool(cells) and all(cell.startswith("{") for cell in cells)


def _few(names: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(name[:40] for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
