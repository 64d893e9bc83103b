"""Pairs of sentences, and line-aligned files: which of a folder's files hold which language and split."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convscope.data.assembly import Found
from convscope.data.digests import digests_of
from convscope.data.lines import ControlCharacters
from convscope.data.object_labels import assemble_objects
from convscope.data.split_names import split_of
from convscope.data.splits import Splits, also_in_train
from convscope.data.tables import table_kind
from convscope.errors import DataError, unknown_name
from convscope.kinds.text.readers.languages import language_of_text
from convscope.kinds.text.readers.sources import Texts
from convscope.types import SPLITS, Progress, Skipped, SplitName

FEWEST = 3
"""Different sources without which no split can be drawn."""

_SAID_EVERY = 5000
_MEMORIES = frozenset({".tmx", ".xliff", ".xlf"})
_LANGUAGE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,14}")
_NO_LANGUAGE = frozenset(
    {"md", "txt", "rst", "html", "xml", "yml", "yaml", "py", "sh", "pdf", "zip", "tar", "json", "license"}
)


@dataclass
class Pairs:
    """Pairs in the order in which they were read; those with an empty side are left out.

    Args:
        root: The folder that was read.
        progress: Receives the number of pairs read.
        controls: Control characters that were replaced.
        groups: The group of each pair, where a column says so.
        grouped_by: What names the groups; empty where nothing does.
    """

    root: str
    progress: Progress
    controls: ControlCharacters = field(default_factory=ControlCharacters)
    keys: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    splits: list[SplitName | None] = field(default_factory=list)
    groups: list[str | None] = field(default_factory=list)
    grouped_by: str = ""
    skipped: list[Skipped] = field(default_factory=list)
    empty: int = 0

    def add(
        self, key: str, source: str, target: str, split: SplitName | None, group: str | None = None
    ) -> None:
        """Takes one pair, or lists it as skipped.

        Args:
            key: `file#line` of the pair, relative to the root.
            source: The sentence.
            target: Its translation.
            split: Where it belongs; None where the data has no splits.
            group: What it stays together with.
        """
        source, target = source.strip(), target.strip()
        if not source or not target:
            self.empty += 1
            side = "source" if not source else "target"
            self.skipped.append(Skipped(f"{self.root}/{key}", f"the {side} is empty"))
            return
        self.keys.append(key)
        self.sources.append(source)
        self.targets.append(target)
        self.splits.append(split)
        self.groups.append(group)
        if len(self.keys) % _SAID_EVERY == 0:
            self.progress(len(self.keys), None, "reading pairs")


def split_pairs(
    pairs: Pairs,
    where: str,
    layout: str,
    decisions: Sequence[str],
    seed: int | None,
    group: str | None = None,
) -> Splits:
    """Makes splits of pairs; those that the data does not have are drawn from train.

    Args:
        pairs: All that was read.
        where: The path, for messages.
        layout: One line that says which layout was recognized and by what.
        decisions: What the reader decided.
        seed: As `assemble`.
        group: As `assemble`.

    Raises:
        DataError: There is no pair, none of train, or too few to draw from; or only some pairs have a split.
    """
    if not pairs.keys:
        raise DataError(
            f"{where}: expected pairs of a sentence and its translation, received none"
            + (f", {pairs.empty} with an empty side" if pairs.empty else "")
        )
    found = Found(
        where,
        layout,
        Texts(pairs.root, pairs.keys, pairs.sources),
        pairs.targets,
        pairs.splits,
        digests_of("\0".join(pair).encode() for pair in zip(pairs.sources, pairs.targets, strict=True)),
        near=digests_of(source.encode() for source in pairs.sources),
        groups=pairs.groups if pairs.grouped_by else None,
        grouped_by=pairs.grouped_by,
        nouns=("pair", "pairs"),
        alike="pairs of one source",
        decisions=decisions,
        warnings=pairs.controls.warnings,
        skipped=pairs.skipped,
    )
    splits = assemble_objects(found, pairs.targets, seed, group, FEWEST)
    assert splits.pool is not None
    warnings = [*splits.warnings, *_duplicates(pairs, splits.pool.codes)]
    if pairs.empty:
        warnings.append(f"{pairs.empty} pairs with an empty side were left out")
    return replace(splits, fingerprint=_fingerprint(pairs), warnings=tuple(warnings))


def _duplicates(pairs: Pairs, codes: npt.NDArray[np.int8]) -> list[str]:
    train = SPLITS.index("train")
    trained = {source for source, code in zip(pairs.sources, codes, strict=True) if code == train}
    warnings = []
    for name in ("validation", "test"):
        code_of_split = SPLITS.index(name)
        both = zip(pairs.sources, codes, strict=True)
        count = sum(code == code_of_split and source in trained for source, code in both)
        if count:
            warnings.append(also_in_train(count, name, "source", "sources"))
    return warnings


def _fingerprint(pairs: Pairs) -> str:
    total = sha256()
    for row in zip(pairs.keys, pairs.splits, pairs.sources, pairs.targets, strict=True):
        total.update("\0".join(map(str, row)).encode() + b"\0")
    return total.hexdigest()


@dataclass(frozen=True)
class Languages:
    """The two sides of a translation.

    Args:
        source: What is translated from: the ending of a file, a column, or a key.
        target: What is translated to.
        decision: Why these; empty where the user gave both.
    """

    source: str
    target: str
    decision: str = ""


AlignedFiles = dict[str, dict[str, str]]
"""Keys of files by what stands before the language in their names, and by language."""


def aligned_files(keys: Sequence[str]) -> AlignedFiles:
    """The files of a folder that may be one side of aligned text: `STEM.LANGUAGE` and `STEM.LANGUAGE.txt`.

    Args:
        keys: Names of files.

    Returns:
        Stems with at least two languages.
    """
    found: AlignedFiles = {}
    for key in sorted(keys):
        stem, language = parted(key)
        if stem and table_kind(Path(key)) is None:
            found.setdefault(stem, {}).setdefault(language, key)
    return {stem: files for stem, files in found.items() if len(files) > 1}


def parted(key: str) -> tuple[str, str]:
    """What stands before the language in the name of a file, and the language; empty where it names none."""
    bare = key[:-3] if key.lower().endswith(".gz") else key
    stem, dot, language = bare.rpartition(".")
    names_one = bool(dot) and _LANGUAGE.fullmatch(language) and language.lower() not in _NO_LANGUAGE
    return (stem, language) if names_one else language_of_text(key)


def refuse_memory(path: Path) -> None:
    """Stops at a translation memory.

    Raises:
        DataError: The hint says what to convert it into.
    """
    if path.suffix.lower() in _MEMORIES:
        raise DataError(
            f"{path}: expected a table or two files of aligned lines, received a translation memory",
            hint="Convert it into two files with the same lines, train.de and train.en, or into a table"
            " with a column for each language.",
        )


def choose_languages(
    where: str, found: Sequence[str], source: str | None, target: str | None, what: str
) -> Languages:
    """Settles what is translated to what.

    Args:
        where: The path, for messages.
        found: The languages that are there.
        source: As the user gave it, or None.
        target: As the user gave it, or None.
        what: How the languages were found, such as "endings of files".

    Raises:
        DataError: One that the user named is not there, both are the same, or there are not exactly two to
            choose from.
    """
    names = list(dict.fromkeys(found))
    listed = ", ".join(names) or "none"
    for role, name in (("source", source), ("target", target)):
        if name is not None and name not in names:
            raise DataError(
                f"{where}: expected the {role} '{name}' among the {what}, received {listed}",
                hint=f"Give one of these as --{role}.",
            )
    if source is not None and source == target:
        raise DataError(
            f"{where}: expected two languages, received '{source}' as source and as target",
            hint="Give another --target.",
        )
    if source is not None and target is not None:
        return Languages(source, target)
    if len(names) != 2:
        raise DataError(
            f"{where}: expected two languages, received {len(names)} ({what}: {listed})",
            hint="Choose them with --source and --target."
            if len(names) > 2
            else "Name the files train.de and train.en, with the languages as endings.",
        )
    rest = [name for name in names if name not in (source, target)]
    chosen = source or rest.pop(0)
    other = target or rest.pop(0)
    reason = (
        "the other one was given"
        if source or target
        else f"no other is there, and this order is alphabetical; --source {other} turns it round"
    )
    return Languages(chosen, other, f"languages: from {chosen} to {other}, because {reason}")


def choose_stems(
    where: str, stems: Mapping[str, Mapping[str, str]], languages: Languages, test: str | None
) -> tuple[dict[str, SplitName | None], list[str]]:
    """Settles which files are which split.

    Args:
        where: The path, for messages.
        stems: As `aligned_files`.
        languages: Files of both are needed.
        test: The stem that the user wants as test, or None.

    Returns:
        The split of each stem that is read (None where the data has no splits), and what was decided.

    Raises:
        DataError: No files of both languages, or nothing that tells train from the rest.
        UsageError: No test set has this name.
    """
    both = [stem for stem in sorted(stems) if {languages.source, languages.target} <= set(stems[stem])]
    named = {stem: split for stem in both if (split := split_of(stem)) is not None}
    tests = [stem for stem, split in named.items() if split == "test"]
    if test is not None and test not in tests:
        raise unknown_name("test set", test, tests)
    if not both:
        raise DataError(
            f"{where}: expected files that end in .{languages.source} and in .{languages.target},"
            f" received none that do both for one split"
        )
    if not named:
        if len(both) > 1:
            raise DataError(
                f"{where}: expected one pair of files or files for splits, received {', '.join(both[:8])}",
                hint="Name them train, validation and test, or give a folder with one pair.",
            )
        return {both[0]: None}, []
    chosen: dict[str, SplitName | None] = {}
    decisions = []
    for split in ("train", "validation", "test"):
        of_split = [stem for stem, name in named.items() if name == split]
        if not of_split:
            continue
        stem = test if split == "test" and test is not None else of_split[0]
        chosen[stem] = split
        if len(of_split) > 1:
            others = ", ".join(name for name in of_split if name != stem)
            why = "as given" if stem == test else "the first in alphabetical order"
            decisions.append(f"{split}: {stem}, {why}; not read: {others}")
    return chosen, decisions
