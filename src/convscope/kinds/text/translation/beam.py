"""Beam search: the translation that a model finds most probable, among the most promising beginnings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.token_rows import TokenRows
from convscope.errors import UsageError
from convscope.kinds.text.translation.beam_scores import (
    NEVER,
    CachedScorer,
    Candidates,
    RecomputingScorer,
    Scorer,
)
from convscope.kinds.text.translation.representation import END, START
from convscope.types import Progress, no_progress

BEAM = 5
BATCH = 64


@dataclass(frozen=True)
class Translation:
    """What a search found for one source.

    Args:
        ids: Target ids, the end token last, shape (tokens,), int32; none for an empty source.
        score: Log-probability divided by tokens to the power of the length penalty, in nats.
        attention: How much each source token was looked at for each target token, shape (tokens, source
            tokens), float32; each row sums to one.
    """

    ids: npt.NDArray[np.int32]
    score: float
    attention: npt.NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True)
class BeamSettings:
    """How translations are searched.

    Args:
        beam: Translations of one source that are followed at once; 1 takes the best next word each time.
        length_penalty: 0 prefers short translations, 1 compares the mean per token, more prefers long ones.
        longest_ratio: A translation has at most this many tokens for each one of its source,
        longest_more: and these besides.
        batch_size: Sources that are translated at once.

    Raises:
        UsageError: A value that cannot work.
    """

    beam: int = BEAM
    length_penalty: float = 1.0
    longest_ratio: float = 1.5
    longest_more: int = 10
    batch_size: int = BATCH

    def __post_init__(self) -> None:
        bounds = {
            "beam": (1 <= self.beam <= 100, "in [1, 100]"),
            "length_penalty": (0 <= self.length_penalty <= 10, "in [0, 10]"),
            "longest_ratio": (0 <= self.longest_ratio <= 100, "in [0, 100]"),
            "longest_more": (1 <= self.longest_more <= 10_000, "in [1, 10000]"),
            "batch_size": (self.batch_size >= 1, "at least 1"),
        }
        for name, (holds, expected) in bounds.items():
            if not holds:
                raise UsageError(f"{name} must be {expected}. Received: {name}={getattr(self, name)!r}.")

    def longest(self, source_tokens: int) -> int:
        """The most tokens of a translation, the end token included; depends on its own source alone."""
        return int(self.longest_ratio * source_tokens) + self.longest_more


class Translator:
    """A model made ready to translate; what it compiles serves all later calls.

    Args:
        model: Made by `conv_seq2seq`.
        settings: How to search.
        cached: Whether decoding states are kept; without, each step computes all words so far again and finds
            the same, for comparison.
    """

    def __init__(
        self, model: keras.Model, settings: BeamSettings | None = None, *, cached: bool = True
    ) -> None:
        self.settings = settings or BeamSettings()
        self._scorer: Scorer = CachedScorer(model) if cached else RecomputingScorer(model)

    def __call__(
        self, sources: TokenRows | Iterable[Sequence[int]], progress: Progress = no_progress
    ) -> list[Translation]:
        """Translates sources of any lengths.

        Args:
            sources: Rows of source ids, the end token last; an empty one gives an empty translation.
            progress: Called with the number of translated sources.

        Returns:
            One translation per source, in their order, independent of what else is translated.
        """
        rows = sources if isinstance(sources, TokenRows) else TokenRows.of(sources)
        nothing = np.zeros(0, np.int32), 0.0, np.zeros((0, 0), np.float32)
        found = [Translation(*nothing)] * len(rows)
        lengths = rows.lengths
        waiting = np.flatnonzero(lengths)
        waiting = waiting[np.argsort(-lengths[waiting], kind="stable")]
        size = min(self.settings.batch_size, len(waiting))
        for start in range(0, len(waiting), max(size, 1)):
            chosen = waiting[start : start + size]
            filled = np.resize(chosen, size)  # one batch size, so that few programs are compiled
            for place, translation in zip(chosen, self._batch(rows, filled), strict=False):
                found[place] = translation
            progress(min(start + size, len(waiting)), len(waiting), "translating")
        return found

    def _batch(self, rows: TokenRows, chosen: npt.NDArray[np.int64]) -> list[Translation]:
        beam = self.settings.beam
        searches = [_Search(int(length), self.settings) for length in rows.lengths[chosen]]
        steps = _Steps()
        self._scorer.begin(rows.take(chosen), beam)
        tokens = np.full((len(chosen), beam), START, np.int32)
        parents = np.zeros((len(chosen), beam), np.int32)
        scores = np.full((len(chosen), beam), NEVER, np.float32)
        scores[:, 0] = 0.0  # all beginnings are the same: one of them counts
        while not all(search.done for search in searches):
            candidates = self._scorer.advance(tokens, parents, scores)
            steps.attention.append(candidates.attention)
            for row, search in enumerate(searches):
                if not search.done:
                    going_on = search.choose(candidates, row, steps)
                    tokens[row] = candidates.tokens[row, going_on]
                    parents[row] = candidates.parents[row, going_on]
                    scores[row] = candidates.scores[row, going_on]
            steps.tokens.append(tokens.copy())
            steps.parents.append(parents.copy())
        return [search.best() for search in searches]


@dataclass
class _Steps:
    """What each step chose for every beam, from which a translation is read backwards."""

    tokens: list[npt.NDArray[np.int32]] = field(default_factory=list)
    parents: list[npt.NDArray[np.int32]] = field(default_factory=list)
    attention: list[npt.NDArray[np.float32]] = field(default_factory=list)

    def trace(self, row: int, place: int, width: int) -> tuple[list[int], npt.NDArray[np.float32]]:
        """Tokens of the translation at this place of the beam, and its attention, the newest included."""
        ids: list[int] = []
        looks = [self.attention[-1][row, place, :width]]
        for step in range(len(self.tokens) - 1, -1, -1):
            ids.append(int(self.tokens[step][row, place]))
            place = int(self.parents[step][row, place])
            looks.append(self.attention[step][row, place, :width])
        return ids[::-1], np.stack(looks[::-1])


class _Search:
    """The finished translations of one source, until there are as many as the beam is wide."""

    def __init__(self, source_tokens: int, settings: BeamSettings) -> None:
        self.done = False
        self._width = source_tokens
        self._beam = settings.beam
        self._penalty = settings.length_penalty
        self._longest = settings.longest(source_tokens)
        self._finished: list[Translation] = []

    def choose(self, candidates: Candidates, row: int, steps: _Steps) -> npt.NDArray[np.int64]:
        """Takes up what ends among the best; returns which candidates go on, as many as the beam is wide."""
        ends = candidates.tokens[row] == END
        if len(steps.tokens) + 1 >= self._longest:
            for place, score in enumerate(candidates.endings[row]):
                self._finish(row, place, float(score), steps)
            self.done = True
        else:
            for rank in np.flatnonzero(ends[: self._beam]):
                score = float(candidates.scores[row, rank])
                self._finish(row, int(candidates.parents[row, rank]), score, steps)
            self.done = len(self._finished) >= self._beam
        return np.flatnonzero(~ends)[: self._beam]

    def _finish(self, row: int, place: int, score: float, steps: _Steps) -> None:
        if score > NEVER / 2:
            ids, attention = steps.trace(row, place, self._width)
            normalized = score / (len(ids) + 1) ** self._penalty
            self._finished.append(Translation(np.array([*ids, END], np.int32), normalized, attention))

    def best(self) -> Translation:
        """The one with the best score."""
        return max(self._finished, key=lambda translation: translation.score)
