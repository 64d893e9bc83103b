"""Splits of tagged sentences: tags of any scheme become IOBES, and missing splits are drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convscope.data.assembly import Found
from convscope.data.digests import digests_of
from convscope.data.groups import same_numbers
from convscope.data.lines import ControlCharacters
from convscope.data.object_labels import assemble_objects
from convscope.data.splits import Splits, also_in_train
from convscope.errors import DataError
from convscope.kinds.text.readers.sentences import Sentence, TaggedSentences
from convscope.kinds.text.tagging.tag_schemes import OUTSIDE, Scheme, parse, recognize, spans, write
from convscope.types import SPLITS, Skipped, SplitName

_TRAIN = SPLITS.index("train")


@dataclass
class TaggedFound:
    """Sentences of all files, in the order of the files, as they are written.

    Args:
        keys: File and first line of each.
        sentences: The words.
        tags: One per word, of any scheme; empty where it is missing.
        lines: The file, and the line of each word.
        splits: Where each belongs; None where the data has no splits.
        groups: The group of each sentence, as far as `of_group` said.
        grouped_by: What names the groups; empty where nothing does.
        controls: Counts control characters.
        decisions: What the reader decided.
        warnings: What the reader warns of.
        skipped: What the reader left out.
    """

    keys: list[str] = field(default_factory=list)
    sentences: list[Sentence] = field(default_factory=list)
    tags: list[tuple[str, ...]] = field(default_factory=list)
    lines: list[tuple[str, list[int]]] = field(default_factory=list)
    splits: list[SplitName | None] = field(default_factory=list)
    groups: list[str | None] = field(default_factory=list)
    grouped_by: str = ""
    controls: ControlCharacters = field(default_factory=ControlCharacters)
    decisions: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def add(
        self,
        file: Path,
        sentence: Sentence,
        tags: Sequence[str],
        numbers: Sequence[int],
        split: SplitName | None,
    ) -> None:
        """Takes one sentence.

        Args:
            file: Where it stands.
            sentence: Its words.
            tags: One per word.
            numbers: The line of each word.
            split: Where it belongs; None where the data has no splits.
        """
        self.keys.append(f"{file.name}#{numbers[0]}")
        self.sentences.append(sentence)
        self.tags.append(tuple(tags))
        self.lines.append((str(file), list(numbers)))
        self.splits.append(split)

    def of_group(self, group: str | None) -> None:
        """Says what the sentences stay together with that were added since it was said last."""
        self.groups += [group] * (len(self.sentences) - len(self.groups))

    def where(self, sentence: int, word: int) -> str:
        """File and line of a word, for messages."""
        file, lines = self.lines[sentence]
        return f"{file}, line {lines[word]}"


def tagged_splits(
    root: Path,
    place: Path,
    found: TaggedFound,
    seed: int | None,
    group: str | None = None,
) -> Splits:
    """Makes splits of tagged sentences, with tags of IOBES where they write spans.

    Args:
        root: The folder that the keys are relative to.
        place: What was read, for messages.
        found: The sentences.
        seed: As `assemble`.
        group: As `assemble`.

    Returns:
        Train, validation and test.

    Raises:
        DataError: A tag is not of the scheme of most, there are fewer than two, or too few sentences to draw
            splits from.
    """
    if not found.sentences:
        raise DataError(f"{place}: expected sentences with tags, received none")
    scheme = recognize([tag for tag in tags if tag] for tags in found.tags)
    warnings = [*found.controls.warnings, *found.warnings]
    _fill_missing(found, scheme)
    fingerprint = _fingerprint(found)
    labels, names = _labels(found, scheme, warnings)
    if len({tag for tags in found.tags for tag in tags}) < 2:
        raise DataError(
            f"{place}: expected at least two different tags, received only {found.tags[0][0]!r}",
            hint="Check which column holds the tag.",
        )
    gathered = _gathered(root, place, found, labels)
    splits = assemble_objects(gathered, labels, seed, group)
    assert splits.pool is not None
    warnings += [
        *splits.warnings,
        *_warned(labels, splits.pool.codes, same_numbers(gathered.digests), scheme),
    ]
    return replace(splits, class_names=names, fingerprint=fingerprint, warnings=tuple(warnings))


def _gathered(root: Path, place: Path, found: TaggedFound, labels: Sequence[tuple[str, ...]]) -> Found:
    """The sentences as what any reader found."""
    found.of_group(None)
    return Found(
        str(place),
        f"words with tags: {place.name}",
        TaggedSentences(str(root), found.keys, found.sentences),
        [" ".join(tags) for tags in labels],
        found.splits,
        digests_of("\0".join(each.words).encode() for each in found.sentences),
        groups=found.groups if found.grouped_by else None,
        grouped_by=found.grouped_by,
        nouns=("sentence", "sentences"),
        alike="identical sentences",
        decisions=found.decisions,
        skipped=found.skipped,
    )


def _labels(
    found: TaggedFound, scheme: Scheme, warnings: list[str]
) -> tuple[Sequence[tuple[str, ...]], tuple[str, ...]]:
    """Tags as they are learned, and the types of entities; plain tags stay as they are and are the types."""
    if scheme == "plain":
        names = tuple(sorted({tag for tags in found.tags for tag in tags}))
        found.decisions.append(f"tags: {len(names)} plain tags without spans, kept as they are")
        return found.tags, names
    labels, broken = _converted(found, scheme)
    names = tuple(sorted({tag[2:] for tags in labels for tag in tags if tag != OUTSIDE}))
    converted = "" if scheme == "IOBES" else ", converted to IOBES"
    found.decisions.append(f"tags: {scheme}{converted}; types {', '.join(names)}")
    if broken:
        warnings.append(f"{broken} sentences break the rules of {scheme}; read as conlleval reads them")
    return labels, names


def _fill_missing(found: TaggedFound, scheme: Scheme) -> None:
    """Words without a tag are outside of all entities; a plain tag cannot be known."""
    missing = sum(tags.count("") for tags in found.tags)
    if not missing:
        return
    row = next(row for row, tags in enumerate(found.tags) if "" in tags)
    where = found.where(row, found.tags[row].index(""))
    if scheme == "plain":
        raise DataError(
            f"{where}: expected a word and a tag, received an empty column",
            hint="Fill in all tags, or name the column that holds them: --tag-column.",
        )
    found.tags = [tuple(tag or OUTSIDE for tag in tags) for tags in found.tags]
    found.decisions.append(f"tags: {missing:,} words without a tag are {OUTSIDE}, the first in {where}")


def _converted(found: TaggedFound, scheme: Scheme) -> tuple[list[tuple[str, ...]], int]:
    """Tags as IOBES, and how many sentences are written otherwise than the scheme has it."""
    labels, broken = [], 0
    known = {tag for tags in found.tags for tag in tags}
    bad = {tag for tag in known if parse(tag) is None}
    for row, tags in enumerate(found.tags):
        if bad and not bad.isdisjoint(tags):
            at = next(place for place, tag in enumerate(tags) if tag in bad)
            raise DataError(
                f"{found.where(row, at)}: expected a tag of {scheme}, such as B-PER or O,"
                f" received {tags[at][:40]!r}",
                hint="Correct the tag, or name the column of the tags.",
            )
        read = spans(tags)
        labels.append(write(read, len(tags)))
        # Letters of other spellings are no break of a rule, and neither are tags without a type.
        same = [parse(tag) for tag in write(read, len(tags), scheme)] == [parse(tag) for tag in tags]
        broken += not same
    return labels, broken


def _warned(
    labels: Sequence[tuple[str, ...]],
    codes: npt.NDArray[np.int8],
    groups: npt.NDArray[np.int64],
    scheme: Scheme,
) -> Iterator[str]:
    """Warnings about sentences and types that make results look better or worse than they are."""
    trained = set(groups[codes == _TRAIN].tolist())
    known = _counted(labels, codes == _TRAIN, scheme)
    for name in ("validation", "test"):
        mine = codes == SPLITS.index(name)
        count = sum(group in trained for group in groups[mine].tolist())
        if count:
            yield also_in_train(count, name, "sentence", "sentences")
        for kind, times in sorted(_counted(labels, mine, scheme).items()):
            if kind not in known:
                yield f"{kind} occurs {times} times in {name} and never in train: it cannot be predicted"


def _counted(
    labels: Sequence[tuple[str, ...]], chosen: npt.NDArray[np.bool_], scheme: Scheme
) -> Mapping[str, int]:
    """How often each type, or plain tag, occurs."""
    rows = np.flatnonzero(chosen).tolist()
    if scheme == "plain":
        return Counter(tag for row in rows for tag in labels[row])
    return Counter(span.type for row in rows for span in spans(labels[row]))


def _fingerprint(found: TaggedFound) -> str:
    total = sha256()
    codes = [_TRAIN if split is None else SPLITS.index(split) for split in found.splits]
    for key, sentence, tags, code in zip(found.keys, found.sentences, found.tags, codes, strict=True):
        total.update(f"{key}\0{code}\0{chr(1).join(sentence.words)}\0{chr(1).join(tags)}\0".encode())
    return total.hexdigest()
