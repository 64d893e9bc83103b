"""Sentences with a tag per word, from whatever is there: the layout is detected and reported.

| what is there | layout |
|---|---|
| a word and its tag in each line, blank lines between sentences; with a header or without | CoNLL |
| ten columns between tabs, the first of which counts words | CoNLL-U: FORM and UPOS |
| a table with a row for each word and a column that counts sentences, on each row or on first words | words |
| `Ann/PER lives/O`, `<PER>Ann</PER> lives`, `[PER Ann] lives`: a sentence in each line | within the text |
| JSON Lines or Parquet with lists `tokens` and `ner_tags`, by name or by number | token lists |
| `text` with `label: [[start, end, type]]`, `entities`, `spans` or the results of Label Studio | spans |
| a folder of such files, distinguished by the split in their names; a single one | one data set |

The tags of IOB1, IOB2 and IOBES (BILOU and BMEWO too) are converted to IOBES; other tags stay as they are.

| what is wrong or odd | what happens |
|---|---|
| `-DOCSTART-` lines; lines that begin with `#` and have not the columns of the file | left out |
| a word without a tag, where tags are of a scheme | `O`, counted |
| a word without a tag, where tags are plain | `DataError` with the line |
| up to one line in a hundred with another number of columns, or without a word | sentence skipped, listed |
| more of them | `DataError` with the first |
| control characters | replaced by spaces, warning with the count |
| NUL, bytes that are not of the encoding, a line of a million characters | `DataError` with the line |
| one column only; words without anything that ends a sentence | `DataError` |
| several columns that may be the tags | `DataError` that lists them and asks for `--tag-column` |
| numbers as tags, whose names are neither in the file nor in `labels.txt` beside it | `DataError` |
| entities that begin or end within a word, overlap, or lie outside of their text | counted |
| a tag that is not of the scheme of most, such as `X-PER` or `I-` | `DataError` with the line |
| tags that break the scheme's rules, such as `E-PER` behind `O` | read as conlleval does, warning: count |
| a type (or plain tag) that is not in train | warning with the count: it cannot be found |
| fewer than two different tags | `DataError` |
| over 10,000 words without the end of a sentence | `DataError` with the line |
| an empty file, one without a sentence, a folder without a readable file | `DataError` |
| a folder without train, or with two files for one split | `DataError` that lists them |
| files whose names tell no split, files of another layout, folders in the folder | skipped, listed |
| hidden files | ignored |
| identical sentences in train and in validation or test | warning with the count |
| no validation or test | a tenth of the sentences each, drawn with the seed; identical ones on one side |
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convscope.data.heads import JSON, suffix_of
from convscope.data.snapshot import DataSnapshot
from convscope.data.split_names import split_of
from convscope.data.splits import LeftOut, Splits
from convscope.data.tables import TableKind, table_kind
from convscope.errors import DataError
from convscope.kinds.text.readers.inputs import read_text_inputs
from convscope.kinds.text.readers.sentences import Sentence, TaggedSentences
from convscope.kinds.text.tagging.conll import ColumnsAsked, read_column_file
from convscope.kinds.text.tagging.layouts import table_layout, tags_lines
from convscope.kinds.text.tagging.span_texts import read_inline_file, tags_inline
from convscope.kinds.text.tagging.tagged_splits import TaggedFound, tagged_splits
from convscope.kinds.text.tagging.tagged_tables import read_tag_table
from convscope.types import SPLITS, Progress, Skipped, SplitName, no_progress

_OF_CONLL: dict[str, SplitName] = {"testa": "validation", "testb": "test"}
"""What the files of CoNLL-2003 call their splits."""
_LINES = 400


def read_tagged(
    path: str | Path,
    *,
    seed: int | None = 0,
    progress: Progress = no_progress,
    encoding: str | None = None,
    word_column: int | str | None = None,
    tag_column: int | str | None = None,
    group: str | None = None,
) -> Splits:
    """Reads sentences with a tag per word from any of the layouts in the table above.

    Args:
        path: A file, or a folder of files.
        seed: As `assemble`.
        progress: Receives the number of lines read.
        encoding: Name of a Python codec; UTF-8 by default.
        word_column: Where the word stands: a number from 1, or from the end as -1, or a name.
        tag_column: Where the tag stands, likewise; by its content and its name by default.
        group: The column that says which sentences stay together, or a regular expression of where they
            stand.

    Returns:
        Splits of `Sentence`; labels are tuples of tags, the class names the types of entities, or all
        tags where they are plain.

    Raises:
        DataError: As the table of this file says.
        UsageError: A column that is not there, or an unknown encoding.
    """
    place = Path(path)
    files, skipped = _files(place)
    asked = ColumnsAsked(word_column, tag_column, group)
    found = TaggedFound(skipped=skipped)
    said: dict[str, Path] = {}
    for file, split in files:
        decided = read_tagged_file(file, split, asked, encoding, found, progress)
        said.setdefault(decided, file)
    if len({line.partition(";")[0] for line in said}) > 1:
        one, other = list(said.items())[:2]
        raise DataError(
            f"{other[1]}: expected columns as in {one[1].name} ({one[0]}), received others ({other[0]})",
            hint="Choose the same columns in every file: --word-column and --tag-column.",
        )
    found.decisions[:0] = [next(iter(said))]
    root = place.parent if place.is_file() else place
    return tagged_splits(root, place, found, seed, group)


def read_tagged_file(
    file: Path,
    split: SplitName | None,
    asked: ColumnsAsked,
    encoding: str | None,
    found: TaggedFound,
    progress: Progress = no_progress,
) -> str:
    """Adds the sentences of one file, in whatever layout it is.

    Args:
        file: The file.
        split: Where its sentences belong.
        asked: The columns that the user gave.
        encoding: As `read_lines`.
        found: Takes the sentences.
        progress: Receives the number of lines read.

    Returns:
        What the columns were taken for, as one line.

    Raises:
        DataError: As the table of this file says.
        UsageError: A column that is not there.
    """
    look = tagged_file(DataSnapshot(file), file)
    if look is not None and look.inline:
        return read_inline_file(file, split, encoding, found, progress)
    kind = look.table if look is not None else table_kind(file) if suffix_of(file) in JSON else None
    if kind is not None:
        return read_tag_table(file, kind, split, asked, encoding, found)
    return read_column_file(file, split, asked, encoding, found, progress)


@dataclass(frozen=True)
class TaggedFile:
    """That a file holds words with tags.

    Args:
        why: A few words that go on after its name.
        table: What to open it as; None where each line is a word, and blank lines count.
        is_sure: Whether something ends its sentences.
        inline: Whether its tags stand within the text of each line.
    """

    why: str
    table: TableKind | None = None
    is_sure: bool = True
    inline: bool = False


def tagged_file(snapshot: DataSnapshot, file: Path) -> TaggedFile | None:
    """Whether a file holds words with tags, by how it begins; None where it does not.

    Args:
        snapshot: Knows how files begin.
        file: Any file.
    """
    kind = table_kind(file)
    if kind in (None, "CSV", "TSV"):
        lines = snapshot.head(file).splitlines()[:_LINES]
        why = tags_lines(lines)
        if why:
            return TaggedFile(why)
        within = tags_inline(lines) if kind is None else ""
        if within:
            return TaggedFile(within, inline=True)
    head = snapshot.table(file)
    if head is None:
        return None
    if kind is None:
        kind = "TSV" if head.delimiter == "\t" else "CSV"
    layout = table_layout(head.first, head.rows, head.types)
    if layout is None:
        return None
    why = {
        "words": "has a row for each word with its tag",
        "tokens": f"has lists of words in '{layout.text}' and of tags in '{layout.tags[0]}'",
        "spans": f"has texts in '{layout.text}' and their entities in '{layout.tags[0]}'",
    }[layout.layout]
    return TaggedFile(why, kind, layout.layout != "words" or layout.sentence is not None)


def tagged_files(path: Path) -> tuple[Path, ...]:
    """The files with tags that a path stands for: itself, or those in a folder; none for anything else."""
    try:
        snapshot = DataSnapshot(path)
        files = snapshot.data_files if path.exists() else ()
    except (OSError, ValueError):  # a text, too long for a path
        return ()
    return tuple(file for file in files if tagged_file(snapshot, file) is not None)


@dataclass(frozen=True)
class SentenceInputs(LeftOut, TaggedSentences):
    """Texts without tags, divided into words, and what was left out."""


def read_sentences(
    paths: Sequence[str],
    *,
    progress: Progress = no_progress,
    encoding: str | None = None,
    text_column: str | None = None,
    word_column: int | str | None = None,
    tag_column: int | str | None = None,
) -> SentenceInputs:
    """Texts, which are divided into words, and sentences of files with tags, which are divided already.

    Args:
        paths: As `read_text_inputs`; files with tags, and folders of such, are recognized by content.
        progress: As `read_text_inputs`.
        encoding: As `read_text_inputs`.
        text_column: As `read_text_inputs`.
        word_column: As `read_tagged`.
        tag_column: As `read_tagged`; the tags are not used.

    Raises:
        DataError: As `read_text_inputs` and `read_tagged`.
    """
    tagged, others = TaggedFound(), list[str]()
    for path in paths:
        files = tagged_files(Path(path))
        others += [] if files else [path]
        for file in files:
            read_tagged_file(file, None, ColumnsAsked(word_column, tag_column), encoding, tagged, progress)
    warnings = (*tagged.controls.warnings, *tagged.warnings)
    sentences, skipped = tagged.sentences, list(tagged.skipped)
    keys = [f"{file}#{numbers[0]}" for file, numbers in tagged.lines]
    if others or not tagged.sentences:
        found = read_text_inputs(
            others or paths, progress=progress, encoding=encoding, text_column=text_column
        )
        keys += found.keys
        sentences = [*sentences, *map(Sentence.read, found.texts)]
        skipped, warnings = [*skipped, *found.skipped], (*warnings, *found.warnings)
    return SentenceInputs("", keys, sentences, tuple(skipped), warnings)


def _files(place: Path) -> tuple[list[tuple[Path, SplitName | None]], list[Skipped]]:
    """What to read, train first, and what to leave."""
    if not place.is_dir():
        return [(place, None)], []
    try:
        entries = sorted(entry for entry in place.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise DataError(
            f"{place}: cannot be read ({error.strerror or error})",
            hint="Check the permissions of the folder.",
        ) from None
    files = [entry for entry in entries if entry.is_file()]
    skipped = [Skipped(str(entry), "not a file") for entry in entries if not entry.is_file()]
    if not files:
        raise DataError(f"{place}: expected files with a word and its tag in each line, found no file")
    snapshot = DataSnapshot(place)
    tagged = [file for file in files if tagged_file(snapshot, file) is not None]
    named: dict[SplitName, list[Path]] = {}
    for file in files:
        split = _split_of(file)
        if split:
            named.setdefault(split, []).append(file)
        elif len(files) > 1 and tagged != [file]:
            skipped.append(Skipped(str(file), "its name contains no split"))
    if not named and (len(files) == 1 or len(tagged) == 1):
        return [((tagged or files)[0], None)], skipped
    if "train" not in named:
        names = ", ".join(file.name for file in files[:10])
        raise DataError(
            f"{place}: expected a file with 'train' in its name, found {names}",
            hint="Name the files train.txt, dev.txt and test.txt, or point to one file.",
        )
    for split, several in named.items():
        named[split] = [file for file in several if file in tagged] or several
        skipped += [Skipped(str(file), "no words with tags") for file in several if file not in named[split]]
        if len(named[split]) > 1:
            raise DataError(
                f"{place}: expected one {split} file, found {', '.join(file.name for file in several)}",
                hint="Give a folder with one data set, or one file.",
            )
    return [(named[split][0], split) for split in SPLITS if split in named], skipped


def _split_of(file: Path) -> SplitName | None:
    parts = re.split(r"[._\-\s]+", file.name.lower())
    return next((_OF_CONLL[part] for part in parts if part in _OF_CONLL), split_of(file.name))
