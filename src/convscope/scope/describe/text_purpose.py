"""What models of texts are for: what comes in, and what is said of the token that comes next."""

from __future__ import annotations

from collections.abc import Sequence

from convscope.scope.describe import phrasing as words
from convscope.scope.describe.input_kind import Subject, subject
from convscope.scope.graph.core_layers import core_class
from convscope.scope.graph.graph import Call, Graph


def said_together(subjects: Sequence[Subject], names: Sequence[str]) -> str:
    """Several inputs that are the same text in several ways, such as its words and their characters.

    Args:
        subjects: What each input holds.
        names: Their names.

    Returns:
        The text in words; empty where the inputs are not all of one text.
    """
    one_text = {(each.said, each.size) for each in subjects}
    if len(one_text) > 1 or subjects[0].unit != "word":
        return ""
    return f"{subjects[0].said} (as {words.listed([repr(name) for name in names])})"


def scores_tokens(maker: Call | None) -> bool:
    """Whether an output is a score for each token of a vocabulary, by the table of its embedding."""
    return (
        maker is not None
        and core_class(maker.layer) == "TokenEmbedding"
        and len(maker.output_shapes[0]) == len(maker.input_shapes[0])
    )


def next_tokens(graph: Graph, said: str, size: int) -> str:
    """What a model does that gives such scores.

    Args:
        graph: The model's calls.
        said: Its inputs in words.
        size: Tokens of its vocabulary.
    """
    scored = f"each of the {size:,} tokens of its vocabulary"
    looks = [call for call in graph.calls if core_class(call.layer) == "SourceAttention"]
    if not looks or len(graph.inputs) != 2:
        at = f"at each {subject(graph).unit} of {said}"
        return f"Gives {scored} a score {at} (softmax makes the scores probabilities)"
    source, target = (f"'{name}'" for name in graph.input_names)
    return (
        f"Writes one text from another, token by token, as a translator does: from the text {source} and as "
        f"much of {target} as is written, it gives {scored} a score for coming next (softmax makes the "
        "scores probabilities)"
    )
