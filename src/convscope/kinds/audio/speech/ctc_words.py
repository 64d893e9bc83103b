"""A list of words as a tree of characters, that says how a word may go on and whether it may end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from convscope.errors import UsageError


@dataclass(slots=True, eq=False)
class WordTree:
    """The words that begin in one way.

    Args:
        children: What follows each next character, by its id.
        weight: That of the word that ends here, in nats; None where none does.
    """

    children: dict[int, WordTree] = field(default_factory=dict)
    weight: float | None = None

    @classmethod
    def of(cls, words: Mapping[str, float], characters: Sequence[str]) -> WordTree:
        """Builds the tree.

        Args:
            words: Weight of each word, in nats.
            characters: The character of each id from 1.

        Raises:
            UsageError: There are no words, one has white space or a character without an id, or a weight that
                is not finite.
        """
        ids = {character: number for number, character in enumerate(characters, 1)}
        root = cls()
        for word, weight in words.items():
            strange = [each for each in word if each not in ids or each.isspace()]
            if strange or not word:
                raise UsageError(
                    f"The list of words contains '{word}'. Expected: words of {''.join(characters).strip()}."
                )
            if not math.isfinite(weight):
                raise UsageError(f"The word '{word}' needs a finite weight. Received: {weight}.")
            place = root
            for character in word:
                place = place.children.setdefault(ids[character], cls())
            place.weight = weight
        if not root.children:
            raise UsageError("The list of words is empty.", "Give at least one word, or omit the list.")
        return root
