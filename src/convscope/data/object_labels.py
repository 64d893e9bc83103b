"""Samples whose labels are objects, such as tags or translations: divided as samples with classes are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from convscope.data.assembly import Drawing, Found, belonging, content_fingerprint, drawing_of, pool_of
from convscope.data.groups import same_numbers
from convscope.data.persons import with_groups
from convscope.data.splits import Splits, as_labels, divided
from convscope.data.stratify import draw_missing, split_codes


def assemble_objects(
    found: Found, values: Sequence[object], seed: int | None, group: str | None = None, fewest: int = 0
) -> Splits:
    """Makes splits of samples with an object each.

    Args:
        found: What a reader found; its labels are not looked at.
        values: The label of each sample.
        seed: As `assemble`.
        group: As `assemble`.
        fewest: Different samples, or groups of them, in train without which no split is drawn.

    Returns:
        Splits whose labels are object arrays, without class names; `pool` has all of them.

    Raises:
        DataError: Only some samples have a split, none is in train, or there are too few to draw from.
    """
    judged = seed is None
    found = replace(found if judged else with_groups(found, group), stratified=False)
    given = split_codes(found.where, found.splits, found.nouns, judged=judged)
    near = same_numbers(found.digests if found.near is None else found.near)
    drawing, codes, drawn = Drawing(near, alike=found.alike), given, list[str]()
    if seed is not None:
        drawing = drawing_of(found, near, given, asked=group is not None)
        many, together = found.nouns[1], drawing.together
        codes, drawn = draw_missing(found.where, given, together, seed, many, drawing.alike, fewest)
    labels = as_labels(values)
    return Splits(
        *divided(found.source, labels, codes, belonging(found, near, group)),
        class_names=(),
        layout=found.layout,
        fingerprint=content_fingerprint(found),
        decisions=(*found.decisions, *drawing.decisions, *drawn),
        warnings=(*found.warnings, *drawing.warnings),
        skipped=tuple(found.skipped),
        reading=found.reading,
        pool=pool_of(found, labels, drawing, codes, given, belonging(found, near, group)),
    )
