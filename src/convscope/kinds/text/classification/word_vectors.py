"""Pre-trained word vectors from a file, for the words of a vocabulary alone."""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.lines import read_lines
from convscope.data.number_forms import is_number
from convscope.data.parse_errors import damage_as_data_error
from convscope.errors import DataError, UsageError

MOST_BYTES = 8 * 2**30
"""Arrays of a NumPy archive together, unpacked."""

_FLOAT32_MOST = float(np.finfo(np.float32).max)
_GAP = re.compile(r"[ \t]+")
_EXACT, _SAME_LETTERS = 2, 1


@dataclass(frozen=True)
class Vectors:
    """Vectors of words.

    Args:
        matrix: One row per word, zeros where the file does not have it, shape (words, numbers), float32.
        found: Which words the file has, shape (words,), bool.
    """

    matrix: npt.NDArray[np.float32] = field(repr=False)
    found: npt.NDArray[np.bool_] = field(repr=False)


def read_vectors(path: str | Path, words: Sequence[str]) -> Vectors:
    """Reads the vectors of some words; the others of the file are passed over.

    A word that the file does not have takes the vector of the first one with the same letters whatever their
    case. Of a word that the file has twice the first vector counts.

    | ending | what is read |
    |---|---|
    | `.vec`, `.txt`, packed as `.gz` or not | lines of a word and its numbers, as of fastText and GloVe |
    | `.npz` | arrays `words` (text) and `vectors` (words, numbers) |

    A first line of two whole numbers is the count of words and of numbers.

    Args:
        path: The file, in UTF-8.
        words: The words that are wanted.

    Returns:
        A row for each of them.

    Raises:
        DataError: The file is empty, damaged, not UTF-8 or of another kind; a line has too few or too many
            numbers, or something else than finite numbers; there are not as many words as the file says.
    """
    place = Path(path)
    ending = place.name.lower().removesuffix(".gz").rpartition(".")[2]
    wanted = _Wanted(words)
    if ending == "npz" and not place.name.lower().endswith(".gz"):
        return _read_archive(place, wanted)
    if ending in ("vec", "txt"):
        return _read_lines(place, wanted)
    raise DataError(
        f"{path}: expected word vectors as .vec, .txt or .npz, received '{place.name}'",
        hint="Save binary vectors as text, with a word and its numbers in each line.",
    )


class _Wanted:
    """The rows that a word of the file may fill."""

    def __init__(self, words: Sequence[str]) -> None:
        self.count = len(words)
        self._exact: dict[str, list[int]] = {}
        self._lower: dict[str, list[int]] = {}
        for row, word in enumerate(words):
            self._exact.setdefault(word, []).append(row)
            self._lower.setdefault(word.lower(), []).append(row)
        self._how = np.zeros(self.count, np.int8)

    def has(self, word: str) -> bool:
        return word.lower() in self._lower

    def rows(self, word: str) -> list[int]:
        """The rows that this vector is the best for so far; they count as filled from now on."""
        better = [row for row in self._exact.get(word, ()) if self._how[row] < _EXACT]
        self._how[better] = _EXACT
        similar = [row for row in self._lower.get(word.lower(), ()) if not self._how[row]]
        self._how[similar] = _SAME_LETTERS
        return better + similar

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        return self._how > 0


def _read_lines(path: Path, wanted: _Wanted) -> Vectors:
    lines = ((number, line.rstrip(" \t")) for number, line in read_lines(path))
    filled = ((number, line) for number, line in lines if line)
    announced, size, first = _beginning(path, filled)
    matrix = np.zeros((wanted.count, size), np.float32)
    count = 0
    for number, line in _chained(first, filled):
        count += 1
        gaps = line.count(" ") + line.count("\t")
        if gaps < size:
            raise _wrong_count(path, number, size, gaps)
        word = line.replace("\t", " ").partition(" ")[0]
        if not wanted.has(word):
            continue
        numbers = _GAP.split(line)[1:]
        if len(numbers) < size:
            raise _wrong_count(path, number, size, len(numbers))
        if len(numbers) > size:
            if all(map(is_number, numbers)):
                raise _wrong_count(path, number, size, len(numbers))
            continue  # a word of several parts, which no vocabulary has
        vector = _vector(f"{path}, line {number}", numbers)
        rows = wanted.rows(word)
        matrix[rows] = vector
    if announced not in (None, count):
        raise DataError(
            f"{path}: expected {announced} words by its first line, received {count}",
            hint="Check that the file was copied whole.",
        )
    return Vectors(matrix, wanted.found)


def _beginning(
    path: Path, lines: Iterator[tuple[int, str]]
) -> tuple[int | None, int, tuple[int, str] | None]:
    """How many words the first line announces, how many numbers each has, and the first line with a word."""
    first = next(lines, None)
    if first is None:
        raise DataError(f"{path}: expected word vectors, received an empty file")
    fields = first[1].split()
    if len(fields) == 2 and all(one.isascii() and one.isdigit() and len(one) < 12 for one in fields):
        count, size = map(int, fields)
        first = next(lines, None)
        if not 0 < size < 2**16:
            raise DataError(f"{path}, line 1: expected vectors of 1 to 65535 numbers, received {size}")
        return count, size, first
    size = len(fields) - 1
    while size > 1 and not all(map(is_number, fields[-size:])):
        size -= 1
    if size < 1 or not is_number(fields[-1]):
        raise DataError(
            f"{path}, line {first[0]}: expected a word and its numbers, received {first[1][:40]!r}",
            hint="Give a file of word vectors as text, as GloVe, fastText and word2vec write them.",
        )
    return None, size, first


def _chained(first: tuple[int, str] | None, lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    if first is not None:
        yield first
    yield from lines


def _wrong_count(path: Path, number: int, size: int, received: int) -> DataError:
    return DataError(
        f"{path}, line {number}: expected a word and {size} numbers, received {received} numbers",
        hint="All vectors of a file have the same length; separate numbers by one space.",
    )


def _vector(where: str, numbers: Sequence[Any]) -> npt.NDArray[np.float32]:
    try:
        values = [float(number) for number in numbers]
    except (TypeError, ValueError, OverflowError):
        wrong = next(number for number in numbers if not is_number(number))
        raise DataError(f"{where}: expected numbers, received {wrong[:40]!r}") from None
    if not all(math.isfinite(value) and abs(value) <= _FLOAT32_MOST for value in values):
        raise DataError(f"{where}: expected finite numbers, received one that is not")
    return np.array(values, np.float32)


def _read_archive(path: Path, wanted: _Wanted) -> Vectors:
    with damage_as_data_error(str(path), "NumPy archive"):
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(info.file_size for info in archive.infolist())
        if unpacked > MOST_BYTES:
            raise DataError(f"{path}: too large: {unpacked} bytes, expected at most {MOST_BYTES}")
        with np.load(path, allow_pickle=False) as arrays:
            if not {"words", "vectors"} <= set(arrays.files):
                received = ", ".join(arrays.files[:20]) or "none"
                raise DataError(f"{path}: expected arrays words and vectors, received {received}")
            words, vectors = (np.asarray(arrays[name]) for name in ("words", "vectors"))
            names = words.tolist()  # in which characters may be none of Unicode
    if words.ndim != 1 or words.dtype.kind != "U":
        raise DataError(
            f"{path}[words]: expected text of shape (n,), received {words.dtype} of {words.shape}"
        )
    if vectors.ndim != 2 or vectors.dtype.kind not in "fiu" or len(vectors) != len(words) or not vectors.size:
        raise DataError(
            f"{path}[vectors]: expected numbers of shape ({len(words)}, n),"
            f" received {vectors.dtype} of {vectors.shape}"
        )
    matrix = np.zeros((wanted.count, vectors.shape[1]), np.float32)
    for place, word in enumerate(names):
        rows = wanted.rows(word) if wanted.has(word) else []
        if rows:
            matrix[rows] = _vector(f"{path}[vectors]#{place}", vectors[place].tolist())
    return Vectors(matrix, wanted.found)


def start_from_vectors(
    model: keras.Model, words: Sequence[str], vectors: str | None, layer: str = "embedding"
) -> None:
    """Sets the vectors of the words that a file has; the others keep their random ones.

    Args:
        model: Has an embedding layer of that name, or one in each of its members.
        words: The word of each id; ids behind these keep their vectors.
        vectors: A `.vec`, `.txt` or `.npz` file; None changes nothing.
        layer: Name of the embedding layer.

    Raises:
        DataError: The file is malformed.
        UsageError: Its vectors have another length than those of the model.
    """
    if vectors is None:
        return
    embeddings = [each for each in model.layers if each.name == layer or each.name.endswith(f"_{layer}")]
    found = read_vectors(Path(vectors), words)
    for embedding in embeddings:
        _set(embedding, found, words, vectors)


def _set(embedding: keras.layers.Layer, found: Vectors, words: Sequence[str], vectors: str) -> None:
    fresh = embedding.get_weights()[0]
    if found.matrix.shape[1] != fresh.shape[1]:
        raise UsageError(
            f"{vectors} has vectors of {found.matrix.shape[1]} dimensions, the embedding of the model "
            f"{fresh.shape[1]}.",
            f"Train with --embedding {found.matrix.shape[1]}.",
        )
    known = found.matrix[found.found]
    scale = fresh.std() / known.std() if len(known) else 1.0
    fresh[: len(words)][found.found] = known * scale
    embedding.set_weights([fresh])
