"""From probabilities of characters in each frame to words with their times, frame by frame as they come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from convscope.errors import UsageError
from convscope.kinds.audio.speech.ctc_beam import PrefixBeam
from convscope.kinds.audio.speech.ctc_marks import Mark, chain
from convscope.kinds.audio.speech.ctc_words import WordTree

BLANK = 0
BEAM = 16
SPACE = " "
Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True)
class FrameWord:
    """A word with its frames.

    Args:
        text: Its characters.
        start: The first frame of its first character.
        end: The frame behind the last one of its last character.
        probability: The least of its characters, of each its highest in the frames that say it.
    """

    text: str
    start: int
    end: int
    probability: float


class Search(Protocol):
    """Finds words in frames that come in parts of any size; the words do not depend on how they are cut."""

    def push(self, probabilities: Probabilities) -> list[FrameWord]:
        """Takes further frames.

        Args:
            probabilities: Of the blank (id 0) and the characters (from 1), shape (frames, ids).

        Returns:
            Words that no later frame changes and that were not given before.
        """

    def finish(self) -> list[FrameWord]:
        """The words that were left, when no more frames come."""


class GreedySearch:
    """Takes the most probable character of each frame.

    Args:
        characters: The character of each id from 1.
    """

    def __init__(self, characters: Sequence[str]) -> None:
        self._characters = tuple(characters)
        self._marks: list[Mark] = []
        self._frame = 0
        self._last = BLANK

    def push(self, probabilities: Probabilities) -> list[FrameWord]:
        """Words that ended; see `Search`."""
        ended: list[FrameWord] = []
        best = probabilities.argmax(axis=1) if len(probabilities) else np.zeros(0, np.int64)
        for label, frame in zip(best.tolist(), probabilities, strict=True):
            if label != BLANK:
                sure = float(frame[label])
                if label == self._last:
                    self._marks[-1] = self._marks[-1].longer(self._frame, sure)
                else:
                    if self._characters[label - 1] == SPACE:
                        ended += self.finish()
                    self._marks.append(Mark(label, self._frame, self._frame + 1, sure, None))
            self._last = label
            self._frame += 1
        return ended

    def finish(self) -> list[FrameWord]:
        """The word that has begun, if one has; see `Search`."""
        words = words_of(self._marks, self._characters)
        self._marks = []
        return words


class BeamSearch:
    """Sums over the alignments of the most promising texts (prefix beam search).

    Source: Hannun, Maas, Jurafsky and Ng (2014), "First-pass large vocabulary continuous speech recognition
    using bi-directional recurrent DNNs".

    Args:
        characters: The character of each id from 1.
        beam: Texts that are followed at once.
        words: The only words that are recognized, each with a weight in nats that is added to the
            log-probability of a text for every occurrence; None allows everything.
        least: Characters that are less probable in a frame are passed over there; 0 passes over none.

    Raises:
        UsageError: A beam below 1, or a word with a character that has no id.
    """

    def __init__(
        self,
        characters: Sequence[str],
        beam: int = BEAM,
        words: Mapping[str, float] | Iterable[str] | None = None,
        least: float = 1e-4,
    ) -> None:
        if beam < 1:
            raise UsageError(f"A search follows at least one text. Received: beam={beam}.")
        self._characters = tuple(characters)
        weights = words if isinstance(words, Mapping) or words is None else dict.fromkeys(words, 0.0)
        space = self._characters.index(SPACE) + 1 if SPACE in self._characters else None
        tree = None if weights is None else WordTree.of(weights, self._characters)
        self._beam = PrefixBeam(beam, least, space, tree)
        self._until = 0  # the frame behind the last word that was given out

    def push(self, probabilities: Probabilities) -> list[FrameWord]:
        """Words that all texts that are followed have in common; see `Search`."""
        found: list[FrameWord] = []
        for frame in probabilities.astype(np.float64):
            found += self._in_order(words_of(self._beam.push(frame), self._characters))
        return found

    def finish(self) -> list[FrameWord]:
        """The rest of the most probable text; see `Search`."""
        return self._in_order(words_of(chain(self._beam.finish()), self._characters))

    def _in_order(self, words: list[FrameWord]) -> list[FrameWord]:
        """Words that do not begin before an earlier one ends.

        That one may have been given out by an alignment that another one has overtaken since.
        """
        ordered = []
        for word in words:
            start = max(word.start, self._until)
            self._until = max(word.end, start + 1)
            ordered.append(replace(word, start=start, end=self._until))
        return ordered

    def best(self) -> tuple[str, float]:
        """The most probable text that may end here, without what was given out before, and its score.

        Returns:
            The text, and its log-probability in nats, with the weights of its words.
        """
        marks, score = self._beam.best()
        return "".join(self._characters[mark.label - 1] for mark in chain(marks)), score


def search_for(
    characters: Sequence[str], beam: int = BEAM, words: Mapping[str, float] | None = None
) -> Search:
    """The search that a beam and a list of words ask for.

    Args:
        characters: The character of each id from 1.
        beam: Texts that are followed at once; 1 takes the best character of each frame.
        words: As `BeamSearch` takes them.

    Raises:
        UsageError: A beam below 1, or a list of words and a beam of 1, which cannot follow it.
    """
    if beam != 1:
        return BeamSearch(characters, beam, words)
    if words is not None:
        raise UsageError(f"A list of words needs a beam of 2 or more. Received: beam={beam}.")
    return GreedySearch(characters)


def words_of(marks: Iterable[Mark], characters: Sequence[str]) -> list[FrameWord]:
    """The words that characters with their frames make, divided at spaces."""
    words: list[FrameWord] = []
    open_marks: list[Mark] = []

    def close() -> None:
        if open_marks:
            text = "".join(characters[mark.label - 1] for mark in open_marks)
            sure = min(mark.probability for mark in open_marks)
            words.append(FrameWord(text, open_marks[0].start, open_marks[-1].end, sure))
            open_marks.clear()

    for mark in marks:
        if characters[mark.label - 1] == SPACE:
            close()
        else:
            open_marks.append(mark)
    close()
    return words
