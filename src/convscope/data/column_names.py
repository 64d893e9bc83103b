"""Names for the columns of a text table: those of the header, made to differ, or numbers."""

from __future__ import annotations

from collections.abc import Sequence


class ColumnNames:
    """Names of columns that differ.

    Args:
        header: As it is written; None where there is none.
        width: Fields of a row.
        values: The first rows of values.
        table: What the table is called in decisions.
    """

    def __init__(
        self, header: tuple[str, ...] | None, width: int, values: Sequence[Sequence[str]], table: str
    ) -> None:
        self.columns: list[str] = []
        self.index: str | None = None
        self.unnamed: list[str] = []
        self.said: list[str] = []
        names = [str(number + 1) for number in range(width)] if header is None else list(header)
        if len(names) < width:
            names = [*names, ""] if not any(row[-1] for row in values) else ["", *names]
        self._taken = set(names)
        for at, name in enumerate(names):
            if not name and at == 0 and is_index([row[0] for row in values]):
                self.index = self._free("index")
                self.said.append(f"index: the first column of {table} has no name and numbers the rows")
                self.columns.append(self.index)
            elif not name:
                self.unnamed.append(self._free(f"column {at + 1}"))
                self.columns.append(self.unnamed[-1])
            elif name in self.columns:
                self.columns.append(self._free(f"{name}.{self.columns.count(name)}"))
                self.said.append(
                    f"names: a further column {name!r} of {table} is called {self.columns[-1]!r}"
                )
            else:
                self.columns.append(name)
        if self.unnamed:
            self.said.append(
                f"names: columns of {table} without one are called {', '.join(self.unnamed[:5])}"
            )

    def _free(self, name: str) -> str:
        number, free = 1, name
        while free in self._taken:
            number, free = number + 1, f"{name}.{number}"
        self._taken.add(free)
        return free


def _free(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free in taken:
        number, free = number + 1, f"{name}.{number}"
    return free


def is_index(column: Sequence[str]) -> bool:
    """Whether whole numbers stand in a column, each once."""
    return len(set(column)) == len(column) > 0 and all(value.isdecimal() for value in column)
