"""A report of texts: figures of any task, sentences with marks, escaped and cut, in their own direction."""

import dataclasses

import pytest

from convscope.lenses.pages.report import Marked, Mistake, ReportContent, render_report
from convscope.lenses.pages.report_texts import cards_of, metrics_of, pieces_of

EVIL = '<script>alert("x")</script>'
SENTENCE = "Angela Merkel visited Siemens in Paris ."
TAGGED = ReportContent(
    title="names",
    recipe="text-tagging",
    architecture="dilated_cnn",
    class_names=("LOC", "ORG", "PER"),
    counts={"train": {"LOC": 7, "ORG": 6, "PER": 5}},
    history=[{"epoch": i, "loss": 2 / i, "val_loss": 2.1 / i, "val_f1": 1 - 0.5 / i} for i in (1, 2, 3)],
    metrics={
        "f1": 0.873,
        "sentences": 3453,
        "classes": [{"name": "ORG", "precision": 0.9, "recall": 0.7, "f1": 0.79, "support": 60}],
    },
    samples=[("LOC", [SENTENCE, "x" * 500])],
    mistakes=[
        Mistake(
            "",
            "test.txt#12",
            details=(
                ("true", Marked(SENTENCE, ((22, 29, "ORG"), (0, 13, "PER")))),
                ("predicted", Marked(SENTENCE, ((22, 29, "LOC"),))),
            ),
        )
    ],
)


def test_a_report_does_without_confusion_and_accuracy():
    page = render_report(TAGGED)
    assert "Confusion" not in page
    assert "87.3%" in page
    assert "3,453" in page
    assert "79.0%" in page
    assert "<figcaption>F1</figcaption>" in page
    assert page.count('class="chart"') == 2
    assert f"{'x' * 500}" not in page


def test_figures_can_be_given_with_a_line_on_them():
    content = dataclasses.replace(TAGGED, scores=(("BLEU", 34.25, "case:mixed"), ("chrF", "58.1")))
    page = render_report(content)
    for words in ("BLEU", "34.2", "case:mixed", "chrF", "58.1"):
        assert words in page
    assert len(cards_of(content)) == 2


def test_a_sentence_is_told_with_its_marks_in_its_own_direction():
    page = render_report(TAGGED)
    assert page.count("<mark ") == 3
    assert '<dd dir="auto">' in page
    marked = Marked(SENTENCE, ((22, 29, "ORG"), (0, 13, "PER")))
    assert pieces_of(marked) == [
        ("Angela Merkel", "PER"), (" visited ", ""), ("Siemens", "ORG"), (" in Paris .", "")
    ]  # fmt: skip
    assert "".join(piece for piece, _ in pieces_of(marked)) == SENTENCE
    assert pieces_of("plain") == [("plain", "")]


def test_everything_from_outside_is_escaped():
    told = (("reference", EVIL), ("true", Marked(EVIL, ((0, 8, EVIL),))))
    content = dataclasses.replace(
        TAGGED,
        mistakes=[Mistake(EVIL, EVIL, EVIL, EVIL, 0.9, told)],
        samples=[("LOC", [EVIL])],
        scores=((EVIL, EVIL, EVIL),),
    )
    assert "<script>" not in render_report(content)


def test_a_translation_has_no_classes():
    content = dataclasses.replace(
        TAGGED,
        class_names=(),
        counts={"train": {"pairs": 29000}, "test": {"pairs": 1000}},
        metrics={"bleu": 34.2},
        samples=(),
        mistakes=[Mistake("Quelle", "test.de#3", details=(("reference", "source"), ("answer", "fountain")))],
    )
    page = render_report(content)
    for words in ("29,000", "30,000 samples", "Quelle", "fountain", "BLEU"):
        assert words in page
    assert "0 classes" not in page


@pytest.mark.parametrize("text", ["ارسل", "x" * 5000, "", "line\nbreak"])
def test_mistakes_of_a_classifier_may_be_texts(text):
    content = dataclasses.replace(TAGGED, mistakes=[Mistake(text, "a.csv#1", "LOC", "ORG", 0.93)])
    page = render_report(content)
    assert "with 93.0%" in page
    assert "x" * 500 not in page


def test_curves_are_drawn_of_what_there_is():
    assert metrics_of([]) == []
    assert metrics_of([{"epoch": 1, "loss": 1.0, "learning_rate": 0.1, "seconds": 3.0}]) == ["loss"]
    rows = [{"epoch": 1, "loss": 1.0, "val_loss": 1.0, "val_perplexity": 3.0, "val_bleu": 20.0, "note": "x"}]
    assert metrics_of(rows) == ["bleu", "perplexity", "loss"]
