"""Prefix beam search: the most promising beginnings of a text, each summed over its alignments to frames."""

from __future__ import annotations

import math
from dataclasses import dataclass
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from convscope.kinds.audio.speech.ctc_marks import Mark, chain, cut
from convscope.kinds.audio.speech.ctc_words import WordTree

BLANK = 0
CHECKED_EVERY = 8
"""Frames after which it is seen anew which words all beginnings have in common."""
HORIZON = 250
"""Frames after which the likeliest word stands, though another one may still be as likely."""


class Prefix:
    """A beginning of a text: what it was before, and its last character.

    Args:
        parent: The beginning without the last character; None for the empty one.
        label: Id of the last character; the blank for the empty beginning.
        tree: How its last word may go on; None where everything may follow.
        weight: Of the words that have ended, in nats.
    """

    __slots__ = ("__weakref__", "depth", "label", "parent", "tree", "weight")

    def __init__(self, parent: Prefix | None, label: int, tree: WordTree | None, weight: float) -> None:
        self.parent = parent
        self.label = label
        self.tree = tree
        self.weight = weight
        self.depth: int = 0 if parent is None else parent.depth + 1


@dataclass(slots=True, eq=False)
class Mass:
    """How probable a beginning is after some frames, times a factor that all beginnings share.

    Args:
        blank: Sum over its alignments that end in a blank.
        spoken: Sum over those that end in its last character.
        best_blank: The most probable alignment that ends in a blank,
        best_said: and that ends in its last character.
        blank_marks: Where the former has the characters,
        said_marks: and where the latter has them.
    """

    blank: float = 0.0
    spoken: float = 0.0
    best_blank: float = 0.0
    best_said: float = 0.0
    blank_marks: Mark | None = None
    said_marks: Mark | None = None

    @property
    def total(self) -> float:
        """Sum over all alignments."""
        return self.blank + self.spoken

    @property
    def best(self) -> tuple[float, Mark | None]:
        """The most probable alignment."""
        if self.best_blank >= self.best_said:
            return self.best_blank, self.blank_marks
        return self.best_said, self.said_marks

    def scaled(self, factor: float) -> None:
        """Multiplies all probabilities."""
        self.blank *= factor
        self.spoken *= factor
        self.best_blank *= factor
        self.best_said *= factor


class PrefixBeam:
    """The beginnings that are followed.

    Args:
        width: The most of them.
        least: Characters that are less probable in a frame are passed over there.
        space: The id of the space, where words end; None where there is none.
        tree: The words that are recognized; None allows everything.
    """

    def __init__(self, width: int, least: float, space: int | None, tree: WordTree | None) -> None:
        self._width, self._least, self._space, self._tree = width, least, space, tree
        root = Prefix(None, BLANK, tree, 0.0)
        self._beam: dict[Prefix, Mass] = {root: Mass(blank=1.0, best_blank=1.0)}
        self._scale = 0.0
        self._frame = 0
        self._given = 0  # depth of the beginning that has been given out
        # One object for each beginning, as long as any that is followed goes on from it.
        self._known: WeakValueDictionary[tuple[Prefix, int], Prefix] = WeakValueDictionary()

    def push(self, frame: npt.NDArray[np.float64]) -> list[Mark]:
        """Takes one frame, probabilities of shape (ids,).

        Returns:
            Characters, up to a space, that all beginnings have in common and that were not given before.
        """
        labels = [label for label in np.flatnonzero(frame >= self._least).tolist() if label != BLANK]
        shares = frame.tolist()
        grown: dict[Prefix, Mass] = {}
        for prefix, mass in self._beam.items():
            self._stay(grown, prefix, mass, shares)
            for label in labels:
                self._grow(grown, prefix, mass, label, shares[label])
        self._frame += 1
        kept = sorted(grown.items(), key=lambda item: -_rank(*item))[: self._width]
        largest = max(mass.total for _, mass in kept)
        if largest > 0:  # else nothing has a probability, and the beginnings stay as they are
            for _, mass in kept:
                mass.scaled(1 / largest)
            self._scale += math.log(largest)
            self._beam = dict(kept)
        return self._certain() if self._frame % CHECKED_EVERY == 0 else []

    def best(self) -> tuple[Mark | None, float]:
        """Where the most probable text has its characters, and its log-probability with all weights.

        Texts that may not end where they do count without their last word, and only where none else is left.
        """
        ended = [(prefix, mass) for prefix, mass in self._beam.items() if _may_end(prefix, self._tree)]
        if ended:
            prefix, mass = max(ended, key=lambda item: _rank(*item) + _last_weight(item[0], self._tree))
            return mass.best[1], _rank(prefix, mass) + _last_weight(prefix, self._tree) + self._scale
        prefix, mass = max(self._beam.items(), key=lambda item: _rank(*item))
        marks = mass.best[1]
        while marks is not None and marks.label != self._space:
            marks = marks.previous
        return marks, _rank(prefix, mass) + self._scale

    def finish(self) -> Mark | None:
        """Where the most probable text has its characters, without those that were given out."""
        return self.best()[0]

    def _stay(self, grown: dict[Prefix, Mass], prefix: Prefix, mass: Mass, shares: list[float]) -> None:
        """A blank, or the last character once more, leaves a text as it is."""
        mine = grown.setdefault(prefix, Mass())
        mine.blank += mass.total * shares[BLANK]
        best, marks = mass.best
        mine.best_blank, mine.blank_marks = best * shares[BLANK], marks
        if prefix.label == BLANK:
            return
        again = shares[prefix.label]
        mine.spoken += mass.spoken * again
        if mass.said_marks is not None and mass.best_said * again > mine.best_said:
            mine.best_said = mass.best_said * again
            mine.said_marks = mass.said_marks.longer(self._frame, again)

    def _grow(self, grown: dict[Prefix, Mass], prefix: Prefix, mass: Mass, label: int, share: float) -> None:
        """A further character; the same as the last one only behind a blank."""
        child = self._child(prefix, label)
        if child is None:
            return
        theirs = grown.setdefault(child, Mass())
        doubled = label == prefix.label
        theirs.spoken += (mass.blank if doubled else mass.total) * share
        best, marks = (mass.best_blank, mass.blank_marks) if doubled else mass.best
        if best * share > theirs.best_said:
            theirs.best_said = best * share
            theirs.said_marks = Mark(label, self._frame, self._frame + 1, share, marks)

    def _child(self, prefix: Prefix, label: int) -> Prefix | None:
        """The text with one character more; None where the list of words does not allow it."""
        known = self._known.get((prefix, label))
        if known is not None:
            return known
        tree, weight = prefix.tree, prefix.weight
        if tree is not None:
            ends = label == self._space
            following = self._tree if ends else tree.children.get(label)
            if following is None or (ends and tree.weight is None):
                return None
            weight += (tree.weight or 0.0) if ends else 0.0
            tree = following
        made = Prefix(prefix, label, tree, weight)
        self._known[prefix, label] = made
        return made

    def _certain(self) -> list[Mark]:
        """What all beginnings share up to a space; is forgotten, so that memory does not grow."""
        likeliest = max(self._beam, key=lambda prefix: _rank(prefix, self._beam[prefix]))
        self._decide(likeliest)
        prefixes = sorted(self._beam, key=lambda prefix: prefix.depth)
        shared: Prefix | None = prefixes[0]
        for prefix in prefixes[1:]:
            shared = _common(shared, prefix)
        while shared is not None and shared.depth > self._given and shared.label != self._space:
            shared = shared.parent
        if shared is None or shared.depth <= self._given:
            return []
        given = chain(self._beam[likeliest].best[1])[: shared.depth - self._given]
        self._given = shared.depth
        if shared.parent is not None:
            self._known.pop((shared.parent, shared.label), None)  # its key would keep all that was before
        shared.parent = None
        for prefix, mass in self._beam.items():
            left = prefix.depth - self._given
            mass.blank_marks = cut(mass.blank_marks, left)
            mass.said_marks = cut(mass.said_marks, left)
        return given

    def _decide(self, likeliest: Prefix) -> None:
        """Drops the beginnings that differ from the likeliest one in words that ended long ago."""
        marks = self._beam[likeliest].best[1]
        while marks is not None and (marks.label != self._space or marks.end > self._frame - HORIZON):
            marks, likeliest = marks.previous, likeliest.parent or likeliest
        if marks is not None:
            self._beam = {
                prefix: mass for prefix, mass in self._beam.items() if _common(prefix, likeliest) is likeliest
            }


def _rank(prefix: Prefix, mass: Mass) -> float:
    """The logarithm of the probability, with the weights of the words that have ended."""
    total = mass.total
    return math.log(total) + prefix.weight if total > 0 else -math.inf


def _may_end(prefix: Prefix, root: WordTree | None) -> bool:
    return prefix.tree is None or prefix.tree is root or prefix.tree.weight is not None


def _last_weight(prefix: Prefix, root: WordTree | None) -> float:
    """That of the word which ends with the text."""
    tree = prefix.tree
    return 0.0 if tree is None or tree is root or tree.weight is None else tree.weight


def _common(one: Prefix | None, other: Prefix | None) -> Prefix | None:
    """The longest beginning of two texts."""
    while one is not None and other is not None and one is not other:
        if one.depth >= other.depth:
            one = one.parent
        else:
            other = other.parent
    return one if one is other else None
