"""Files found by what tables and lists call them: with or without an ending, and the folders around them."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from functools import cached_property
from urllib.parse import unquote


class FileIndex:
    r"""Finds files by their names as people write them down.

    A name may lack the ending or the outer folders, be written with `\` or `%20`, in letters of another case,
    or with accents composed otherwise; one that two files have in common finds the preferred one, or none. In
    front of a file in its folder there may be more, as of the machine on which the name was written.

    Args:
        keys: The files, relative to one folder, with `/` between names.
        prefers: Which of several files of one name is meant; none is by default.

    Example:
        >>> index = FileIndex(["train/0001.png", "train/b b.JPG"])
        >>> index.find("0001"), index.find("train\\0001.png"), index.find("b%20b.jpg"), index.find("2")
        ('train/0001.png', 'train/0001.png', 'train/b b.JPG', None)
        >>> index.find("C:\\data\\train\\0001.png"), index.find("/data/test/0001.png")
        ('train/0001.png', None)
    """

    def __init__(self, keys: Iterable[str], prefers: Callable[[str], bool] = lambda key: False) -> None:
        self._prefers = prefers
        self._exact: dict[str, str | None] = {}
        for key in keys:
            for name in _names(_plain(key)):
                self._exact[name] = self._chosen(self._exact.get(name, key), key)

    def find(self, name: str) -> str | None:
        """The file of that name; None where there is none, or several."""
        for raw in dict.fromkeys((name, unquote(name))):
            plain = _plain(raw)
            while plain:
                found = self._exact.get(plain) or self._folded.get(plain.casefold())
                if found is not None:
                    return found
                inside = plain.partition("/")[2]
                plain = inside if "/" in inside else ""  # of a bare name the folder may be another
        return None

    def is_shared(self, name: str) -> bool:
        """Whether several files have that name, so that none is found by it."""
        return self._exact.get(_plain(name), "") is None

    @cached_property
    def _folded(self) -> dict[str, str | None]:
        folded: dict[str, str | None] = {}
        for name, key in self._exact.items():
            same = name.casefold()
            folded[same] = key if key is None else self._chosen(folded.get(same, key), key)
        return folded

    def _chosen(self, first: str | None, second: str) -> str | None:
        if first is None or first == second:
            return first
        preferred = [key for key in (first, second) if self._prefers(key)]
        return preferred[0] if len(preferred) == 1 else None


def _plain(name: str) -> str:
    plain = unicodedata.normalize("NFC", name.strip().strip('"')).replace("\\", "/")
    while plain.startswith(("./", "../")):
        plain = plain.partition("/")[2]
    return plain


def _names(key: str) -> set[str]:
    """The ends of a path, each with and without the ending of the file."""
    parts = key.split("/")
    tails = ["/".join(parts[start:]) for start in range(len(parts))]
    stem, mark, _ = parts[-1].rpartition(".")
    bare = [tail[: len(tail) - len(parts[-1]) + len(stem)] for tail in tails] if mark and stem else []
    return {*tails, *bare}
