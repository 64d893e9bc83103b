"""Where the recordings lie that a table names: beside it, or in folders of their own."""

from __future__ import annotations

import posixpath
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from convscope.data.listing import Listing
from convscope.data.named_files import checked_path, names_file
from convscope.errors import DataError
from convscope.kinds.audio.readers.endings import SOUNDS


class Places:
    """Finds the recordings that tables name.

    A name is that of a file relative to the folder of the table or to the root. Where no such file is there,
    the recordings below the root are looked through for one that is called so: a table in `meta/` names files
    in `audio/`, one of another machine names them by whole paths, and one of identifiers leaves out `.wav`.

    Args:
        root: The folder; nothing outside of it is found.
        below: The folder of the table, relative to the root; empty for the root itself.
    """

    def __init__(self, root: Path, below: str = "") -> None:
        self.root = root
        self._below = below
        self._index: dict[str, list[str]] | None = None
        self._example: tuple[str, str] | None = None

    def key(self, where: str, raw: str, folds: Sequence[str] = ()) -> str:
        """The file of a recording, relative to the root.

        Args:
            where: The file and line of the table, for messages.
            raw: The name as it stands there.
            folds: What else the row says that may be a part of the path, such as the number of a fold.

        Raises:
            DataError: Several recordings are called so, or nothing is called so and the name is that of a
                file outside of the root.
        """
        for folder in dict.fromkeys((self._below, "")):
            key = posixpath.normpath(posixpath.join(folder, raw)) if raw else ""
            inside = key and key.isprintable() and not key.startswith(("../", "/"))
            if inside and names_file(Path(self.root, key)):
                return key
        found = self._called(raw, folds)
        if len(found) > 1:
            raise DataError(
                f"{where}: expected the name of one recording, received {raw!r}, which {found[0]} and"
                f" {found[1]} are called",
                hint=f"Write the folder before the name: {found[0]}.",
            )
        if found:
            self._example = self._example or (raw, found[0])
            return found[0]
        key = posixpath.normpath(posixpath.join(self._below, raw)) if raw else raw
        return checked_path(where, raw if key.startswith("..") else key, self.root)

    def decisions(self) -> list[str]:
        """That recordings were found by their names, where they were."""
        if self._example is None:
            return []
        raw, key = self._example
        return [f"recordings: found below the folder by their names, such as {raw[:80]!r} at {key}"]

    def _called(self, raw: str, folds: Sequence[str]) -> list[str]:
        """The recordings with as many of the last parts of a path as any; of several those of a fold."""
        parts = _plain(raw).split("/")
        found = self._by_name().get(parts[-1], [])
        if len(found) > 1:
            common = [_common(parts, key) for key in found]
            found = [key for key, length in zip(found, common, strict=True) if length == max(common)]
        if len(found) > 1 and folds:
            names = {name for fold in folds for name in (fold, f"fold{fold}", f"fold_{fold}", f"fold-{fold}")}
            found = [key for key in found if names & set(key.lower().split("/")[:-1])] or found
        return found

    def _by_name(self) -> dict[str, list[str]]:
        """The recordings below the root by their names, with and without ending."""
        if self._index is None:
            self._index = {}
            for key in Listing(str(self.root)).files_below(""):
                stem, dot, ending = _plain(key).rpartition("/")[2].rpartition(".")
                if f"{dot}{ending.lower()}" in SOUNDS:
                    for name in (f"{stem}.{ending}", stem):
                        self._index.setdefault(name, []).append(key)
        return self._index


def _plain(path: str) -> str:
    """A path in one spelling, whichever system wrote it."""
    return unicodedata.normalize("NFC", path).replace("\\", "/")


def _common(parts: Sequence[str], key: str) -> int:
    """How many of their last parts two paths have in common, the name itself aside."""
    count = 0
    for mine, other in zip(parts[-2::-1], _plain(key).split("/")[-2::-1], strict=False):
        if mine != other:
            break
        count += 1
    return count
