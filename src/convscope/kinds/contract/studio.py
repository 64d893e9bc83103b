"""How the studio shows the samples of a kind: an element of the page, and what it is told of each sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from convscope.data.masks import Classes
from convscope.data.splits import Samples
from convscope.kinds.contract.representation import AnyRepresentation, SampleDescription
from convscope.types import Array, Json

if TYPE_CHECKING:
    from convscope.kinds.contract.recipe import Prediction

Facts = dict[str, Json]
"""What the page is told, by name."""


@dataclass(frozen=True)
class Media:
    """A sample or a part of one in a form that browsers show or play.

    Args:
        content_type: Such as `image/png`.
        content: The bytes of the file.
    """

    content_type: str
    content: bytes


@dataclass(frozen=True, eq=False)
class Labeled:
    """A sample with what is known of it.

    Args:
        representation: Makes it the input of a model.
        samples: The raw samples that it is one of.
        index: Its number among them.
        label: As its recipe reads it: boxes, a mask.
        class_names: What classes are called in it.
    """

    representation: AnyRepresentation
    samples: Samples
    index: int
    label: object
    class_names: tuple[str, ...]


def nothing_more(values: Array, description: SampleDescription | None) -> Facts:
    """Samples of which the page is told what descriptions that several kinds share say."""
    return {}


def no_media(sample: object) -> Media | None:
    """Samples that browsers have no form for."""
    return None


def no_thumbnail(values: Array, description: SampleDescription | None, side: int) -> Media | None:
    """Samples that are not drawn small."""
    return None


def no_marks(predictions: Sequence[Prediction]) -> list[Json]:
    """Predictions of which nothing is drawn over a sample."""
    return []


def no_true_marks(labeled: Labeled) -> list[Json]:
    """Labels of which nothing is drawn over a sample."""
    return []


def no_true_mask(labeled: Labeled) -> Classes | None:
    """Labels that say no class of each position."""
    return None


def as_it_is(representation: AnyRepresentation) -> AnyRepresentation:
    """Representations whose predictions do not depend on where samples lay before they were encoded."""
    return representation


@dataclass(frozen=True)
class StudioElement:
    """The element that draws a sample of a kind, and what it needs.

    Args:
        name: Of the custom element, such as `cs-input-image`.
        script: The module that defines it, `package:file`, such as `convscope.kinds.image:studio.js`.
        facts: `(values as drawn, description)` to what the element is told besides axes, channels and tokens.
        original: From a raw sample to the form that people know, such as a picture.
        thumbnail: `(values as drawn, description, side in pixels)` to a small picture.
        accepts: Endings of files that may be dropped on the page, by their content type.
        example: A small file of the kind, by which it is found out how files become inputs of a plain model;
            None where that depends on more than the model.
        in_input: From the representation of a run to one by which predictions are in places of the input,
            such as pixels of it, and no raw sample is needed.
        marks: From such predictions for a sample to what is drawn over it: for each box its `name`, `score`
            and `box`.
        true_marks: The boxes that are known of a sample, as `marks` has them, the score being null.
        true_mask: The class of each position of the input that is known of a sample, shape (positions...);
            None where its label is no mask.
    """

    name: str
    script: str
    facts: Callable[[Array, SampleDescription | None], Facts] = nothing_more
    original: Callable[[Any], Media | None] = no_media
    thumbnail: Callable[[Array, SampleDescription | None, int], Media | None] = no_thumbnail
    accepts: Mapping[str, str] = field(default_factory=dict)
    example: Callable[[], Media] | None = None
    in_input: Callable[[AnyRepresentation], AnyRepresentation] = as_it_is
    marks: Callable[[Sequence[Prediction]], list[Json]] = no_marks
    true_marks: Callable[[Labeled], list[Json]] = no_true_marks
    true_mask: Callable[[Labeled], Classes | None] = no_true_mask

    @property
    def has_thumbnails(self) -> bool:
        """Whether samples are drawn small."""
        return self.thumbnail is not no_thumbnail

    @property
    def has_marks(self) -> bool:
        """Whether predictions of some tasks are drawn over samples."""
        return self.marks is not no_marks

    @property
    def has_masks(self) -> bool:
        """Whether some tasks know a class of each position."""
        return self.true_mask is not no_true_mask

    @property
    def has_originals(self) -> bool:
        """Whether samples have a form that browsers show or play."""
        return self.original is not no_media
