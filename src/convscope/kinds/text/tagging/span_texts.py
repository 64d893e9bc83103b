"""Texts with their tags within, or with entities by their characters, into words with tags.

| what a line looks like | what it is |
|---|---|
| `Ann/NNP lives/VBZ`, also with an underscore or a bar between | a tag behind each word |
| `<PER>Ann</PER> lives`, `<ENAMEX TYPE="PERSON">Ann</ENAMEX> lives` | entities in XML |
| `<START:person> Ann <END> lives` | entities as OpenNLP marks them |
| `[PER Ann] lives`, `[Ann](person) lives` | entities in brackets, as of CoNLL-2000 and Rasa |

Tags such as PER behind words of which most are O stand for entities: neighbors of one tag are one entity.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from convscope.data.found_encoding import found_encoding
from convscope.data.lines import clean_text, read_lines
from convscope.errors import DataError
from convscope.kinds.text.readers.sentences import Sentence
from convscope.kinds.text.tagging.layouts import as_list
from convscope.kinds.text.tagging.tag_schemes import OUTSIDE, Span, parse, write
from convscope.kinds.text.tagging.tagged_splits import TaggedFound
from convscope.types import Progress, Skipped, SplitName

_STARTS = ("start", "start_offset", "begin", "from")
_ENDS = ("end", "end_offset", "stop", "to")
_TYPES = ("label", "labels", "type", "entity", "entity_type", "tag", "category", "class", "name")
_LISTS = ("entities", "spans", "label", "labels", "annotations", "result", "annotation")
_LINE = re.compile(r"[^\n]+")
_TAG = r"(?P<tag>[A-Za-z][A-Za-z$*+-]{0,14}|-[A-Z]{3}-|[.,:;?!'`\"()$#-]{1,3})"
_BEHIND = (
    re.compile(rf"(?P<word>\S+)/{_TAG}"),
    re.compile(rf"(?P<word>\S+)\|{_TAG}"),
    re.compile(rf"(?P<word>\S+)_(?!\S*[a-z]){_TAG}"),
)
_NO_ENTITIES = r"(?!(?:s|p|b|i|u|a|em|br|li|td|tr|div|span|text|strong|sent|sentence|doc|line)\b)"
_MARKED = (
    re.compile(
        rf"<{_NO_ENTITIES}(?P<name>[A-Za-z][\w-]{{0,20}})(?:\s+(?:type|label|class)=[\"'](?P<type>[^\"'<>]+)[\"'])?"
        r"[^<>/]*>(?P<inner>[^<>]*)</(?P=name)>",
        re.IGNORECASE,
    ),
    re.compile(r"<START:(?P<name>[\w-]{1,30})>\s*(?P<inner>[^<>]*?)\s*<END>"),
    re.compile(r"\[(?P<name>[A-Z]{2,12}) (?P<inner>[^\[\]]+)\]"),
    re.compile(r"\[(?P<inner>[^\[\]]+)\]\((?P<name>[A-Za-z_:-]{1,30})\)"),
)
_FRAME = re.compile(r"</?(?:s|p|sent|sentence)\b[^<>]*>", re.IGNORECASE)
_NEARLY_ALL = 0.98
_FEWEST, _MOST_TAGS, _MOST_TYPES = 3, 100, 40


@dataclass(frozen=True)
class _Entity:
    """Where an entity stands, in characters, and what it is."""

    start: int
    end: int
    type: str
    spelled: str = ""


class SpanTexts:
    """Texts with entities as they are collected; what does not fit is counted, and reported in the end.

    Args:
        found: Takes the sentences.
    """

    def __init__(self, found: TaggedFound) -> None:
        self.found = found
        self.entities = self.widened = self.overlapping = self.outside = self.inclusive = 0
        self.first = ""

    def add(
        self, file: Path, where: str, number: int, text: object, spans: object, split: SplitName | None
    ) -> None:
        """Takes one text; its lines are sentences, unless an entity goes over their end.

        Args:
            file: For messages and keys.
            where: The file and line, for messages.
            number: The line.
            text: The text, or an object that holds it as `text`.
            spans: Its entities.
            split: Where it belongs.

        Raises:
            DataError: The text is none, or an entity has no start, end or type.
        """
        if isinstance(text, Mapping):
            text = text.get("text")
        if isinstance(text, str) and text.lstrip().startswith("{"):
            text = _object(text).get("text", text)
        if text is None or text == "":
            self.found.skipped.append(Skipped(where, "an empty text"))
            return
        if not isinstance(text, str):
            raise DataError(f"{where}: expected text, received {type(text).__name__}")
        if len(clean_text(text, where, self.found.controls)) != len(text):
            cleaned = text  # offsets count `\r\n` as two characters
        else:
            cleaned = clean_text(text, where, self.found.controls)
        entities = self._apart([self._within(cleaned, each) for each in _entities(where, spans)], where)
        for start, end in _lines(cleaned, entities):
            sentence = Sentence.read(cleaned[start:end].replace("\n", " ").replace("\r", " "))
            if not sentence.words:
                continue
            mine = [each for each in entities if start <= each.start and each.end <= end]
            found = self._words(sentence, [_moved(each, -start) for each in mine], where)
            tags = write(found, len(sentence.words), "IOB2")
            self.found.add(file, sentence, tags, [number] * len(tags), split)

    def finish(self) -> None:
        """Says what did not fit."""
        said = (
            (self.widened, "do not begin and end with words; widened to whole words"),
            (self.overlapping, "overlap a longer one and are left out"),
            (self.outside, "lie outside of their text or hold no word, and are left out"),
        )
        for count, what in said:
            if count:
                self.found.warnings.append(
                    f"{count:,} of {self.entities:,} entities {what}; the first in {self.first}"
                )
        if self.inclusive:
            self.found.decisions.append(
                f"entities: the end is their last character, as what {self.inclusive:,} of them spell says"
            )

    def _within(self, text: str, entity: _Entity) -> _Entity | None:
        """An entity without white space at its ends; None where it lies outside of the text."""
        self.entities += 1
        start, end = entity.start, entity.end
        spelled = entity.spelled.strip()
        if spelled and text[start:end].strip() != spelled and text[start : end + 1].strip() == spelled:
            self.inclusive += 1
            end += 1
        if not 0 <= start < end <= len(text) or not text[start:end].strip():
            return None
        inside = text[start:end]
        start += len(inside) - len(inside.lstrip())
        return _Entity(start, start + len(inside.strip()), entity.type)

    def _apart(self, entities: Sequence[_Entity | None], where: str) -> list[_Entity]:
        """Those that lie in the text and do not overlap; of two that do, the longer one."""
        kept: list[_Entity] = []
        inside = [each for each in entities if each is not None]
        self._count("outside", len(entities) - len(inside), where)
        for each in sorted(dict.fromkeys(inside), key=lambda each: (each.start - each.end, each.start)):
            if any(each.start < other.end and other.start < each.end for other in kept):
                self._count("overlapping", 1, where)
            else:
                kept.append(each)
        return sorted(kept, key=lambda each: each.start)

    def _words(self, sentence: Sentence, entities: Sequence[_Entity], where: str) -> Iterator[Span]:
        """The words of each entity."""
        free = 0
        for each in entities:
            places = [
                place
                for place, (start, end) in enumerate(sentence.offsets)
                if start < each.end and each.start < end and place >= free
            ]
            if not places:
                self._count("outside", 1, where)
                continue
            first, last = sentence.offsets[places[0]][0], sentence.offsets[places[-1]][1]
            self._count("widened", int((first, last) != (each.start, each.end)), where)
            free = places[-1] + 1
            yield Span(places[0], free, each.type)

    def _count(self, what: str, count: int, where: str) -> None:
        if count:
            self.first = self.first or where
            setattr(self, what, getattr(self, what) + count)


def _moved(entity: _Entity, by: int) -> _Entity:
    return _Entity(entity.start + by, entity.end + by, entity.type)


def _lines(text: str, entities: Sequence[_Entity]) -> list[tuple[int, int]]:
    """Start and end of the lines of a text, those joined that an entity goes over."""
    joined: list[tuple[int, int]] = []
    for line in _LINE.finditer(text):
        start, end = line.span()
        if joined and any(each.start < start and each.end > joined[-1][1] for each in entities):
            start = joined.pop()[0]
        joined.append((start, end))
    return joined


def _object(text: str) -> Mapping[str, object]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _entities(where: str, value: object) -> Iterator[_Entity]:
    """What stands in the field of entities, in any of the ways of annotation tools."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = _object(value)
    if isinstance(value, Mapping):
        value = next((value[name] for name in _LISTS if name in value), ())
    for each in as_list(value) or ():
        if isinstance(each, Mapping):
            yield from _of_object(where, each)
        elif isinstance(each, list | tuple) and len(each) >= 3:
            numbers = [one for one in each if isinstance(one, int)]
            names = [one for one in each if isinstance(one, str)]
            if len(numbers) < 2 or not names:
                raise _malformed(where, each)
            yield _Entity(numbers[0], numbers[1], names[0])
        else:
            raise _malformed(where, each)


def _of_object(where: str, value: Mapping[str, object]) -> Iterator[_Entity]:
    """One entity, or those of an annotator, or of a nested value."""
    if isinstance(value.get("result"), list):
        yield from _entities(where, value["result"])
        return
    inner = value.get("value")
    if isinstance(inner, Mapping):
        value = inner
    points = value.get("points")
    kinds = next((value[name] for name in _TYPES if value.get(name)), None)
    kind = kinds[0] if isinstance(kinds, list) and kinds else kinds
    places = [each for each in points if isinstance(each, Mapping)] if isinstance(points, list) else [value]
    for place in places:
        start = next((place[name] for name in _STARTS if name in place), None)
        end = next((place[name] for name in _ENDS if name in place), None)
        if not isinstance(start, int) or not isinstance(end, int) or not isinstance(kind, str):
            if kind is None and start is None:
                return  # a relation, a choice for the whole text
            raise _malformed(where, value)
        spelled = place.get("text", value.get("text", ""))
        yield _Entity(start, end, kind, spelled if isinstance(spelled, str) else "")


def _malformed(where: str, value: object) -> DataError:
    return DataError(
        f"{where}: expected an entity as [start, end, type], received {str(value)[:60]}",
        hint='Write {"text": "...", "label": [[0, 4, "PER"]]}: characters from 0, the end excluded.',
    )


def tags_inline(lines: Sequence[str]) -> str:
    """Why lines hold tags within their text, as words that go on after the name of a file; empty where not.

    Args:
        lines: The first lines of a file, blank ones as well.
    """
    some = [line for line in lines if line.strip()]
    form = _form(some)
    if form is None:
        return ""
    return "has a tag behind each word" if form in _BEHIND else "has entities marked in the text"


def read_inline_file(
    file: Path, split: SplitName | None, encoding: str | None, found: TaggedFound, progress: Progress
) -> str:
    """Adds the sentences of a file with tags within its text, one in each line.

    Args:
        file: The file.
        split: Where its sentences belong.
        encoding: As `read_lines`.
        found: Takes the sentences.
        progress: Receives the number of lines read.

    Returns:
        How the tags were recognized.

    Raises:
        DataError: A word has no tag; or as `read_lines`.
    """
    named = found_encoding(file, encoding)
    found.decisions += [named.decision] if named.decision else []
    lines = [each for each in read_lines(file, named.name, controls=found.controls) if each[1].strip()]
    form = _form([line for _, line in lines])
    if form is None:
        raise DataError(f"{file}: expected a tag behind each word or marked entities, received neither")
    progress(len(lines), len(lines), f"reading {file.name}")
    if form in _BEHIND:
        return _read_behind(file, split, lines, form, found)
    texts = SpanTexts(found)
    for number, line in lines:
        text, entities = _marked(form, line)
        texts.add(file, f"{file}, line {number}", number, text, entities, split)
    texts.finish()
    return f"entities: marked in the text, as in {_first(form, lines)!r}"


def _form(lines: Sequence[str]) -> re.Pattern[str] | None:
    """How tags stand in lines."""
    if len(lines) < _FEWEST:
        return None
    words = [word for line in lines for word in line.split()]
    for form in _BEHIND:
        matched = [found for word in words if (found := form.fullmatch(word))]
        tags = Counter(found["tag"] for found in matched)
        if len(matched) < max(_NEARLY_ALL * len(words), 2 * len(lines)) or len(tags) > _MOST_TAGS:
            continue
        different = len({each["word"] for each in matched})
        if 1 < len(tags) < different and 3 * len(tags) <= len(matched):
            return form
    for form in _MARKED:
        marked = [[_type(each) for each in form.finditer(_FRAME.sub("", line))] for line in lines]
        types = Counter(each for found in marked for each in found)
        whole = sum(form.fullmatch(_FRAME.sub("", line).strip()) is not None for line in lines)
        if 2 * sum(map(bool, marked)) < len(lines) or 2 * whole > len(lines) or len(types) > _MOST_TYPES:
            continue
        if 2 * len(types) <= types.total():
            return form
    return None


def _read_behind(
    file: Path,
    split: SplitName | None,
    lines: Sequence[tuple[int, str]],
    form: re.Pattern[str],
    found: TaggedFound,
) -> str:
    """Adds sentences with a tag behind each word; a word without one has an empty tag."""
    rows = [(number, [(word, form.fullmatch(word)) for word in line.split()]) for number, line in lines]
    tags = {each["tag"] for _, row in rows for _, each in row if each}
    bare = OUTSIDE in tags and not any(parse(tag) for tag in tags if tag != OUTSIDE)
    for number, row in rows:
        words = [each["word"] if each else word for word, each in row]
        own = [each["tag"] if each else "" for _, each in row]
        own = [f"I-{tag}" if bare and tag not in (OUTSIDE, "") else tag for tag in own]
        found.add(file, Sentence.of(words), own, [number] * len(words), split)
    said = "; neighbors of one tag are one entity" if bare else ""
    return f"tags: behind each word, as in {_first(form, lines)!r}{said}"


def _marked(form: re.Pattern[str], line: str) -> tuple[str, list[list[object]]]:
    """A line without its marks, and where its entities begin and end, and their types."""
    line = _FRAME.sub("", line)
    text, entities, at = "", list[list[object]](), 0
    for each in form.finditer(line):
        text += line[at : each.start()]
        entities.append([len(text), len(text) + len(each["inner"]), _type(each)])
        text += each["inner"]
        at = each.end()
    return text + line[at:], entities


def _type(found: re.Match[str]) -> str:
    return found.groupdict().get("type") or found["name"]


def _first(form: re.Pattern[str], lines: Sequence[tuple[int, str]]) -> str:
    """What the tags look like."""
    return next((each[0] for _, line in lines if (each := form.search(line))), "")[:60]
