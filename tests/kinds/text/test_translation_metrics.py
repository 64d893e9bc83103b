import json

import pytest
import sacrebleu

from convscope.errors import DataError, RunError, UsageError
from convscope.kinds.text.translation.metrics import TranslationMetrics, translation_metrics

SOURCES = ["Ein Mann schläft.", "Zwei Hunde spielen im Schnee.", "Eine Frau liest ein Buch."]
REFERENCES = ["A man is sleeping.", "Two dogs are playing in the snow.", "A woman is reading a book."]
TRANSLATIONS = ["A man is sleeping.", "Two dogs play in the snow.", "Nothing."]


@pytest.fixture
def metrics():
    return translation_metrics(REFERENCES, TRANSLATIONS, SOURCES)


def test_the_scores_are_those_of_sacrebleu(metrics):
    assert metrics.bleu == sacrebleu.corpus_bleu(TRANSLATIONS, [REFERENCES]).score
    assert metrics.chrf == sacrebleu.corpus_chrf(TRANSLATIONS, [REFERENCES]).score
    assert "tok:13a" in metrics.bleu_signature
    assert "case:mixed" in metrics.bleu_signature
    assert metrics.chrf_signature.startswith("nrefs:1")
    assert metrics.samples == 3
    assert 0 < metrics.length_ratio < 1
    assert 0 < metrics.brevity_penalty < 1


def test_a_report_begins_with_the_scores_to_a_tenth(metrics):
    scores = metrics.to_scores()
    assert scores[0] == ("BLEU", f"{metrics.bleu:.1f}", metrics.bleu_signature)
    assert scores[1] == ("chrF", f"{metrics.chrf:.1f}", metrics.chrf_signature)
    assert scores[-1] == ("Test sentences", 3)


def test_the_worst_sentences_come_first(metrics):
    assert [sentence.index for sentence in metrics.worst] == [2, 1, 0]
    assert metrics.worst[0].source == SOURCES[2]
    assert metrics.worst[0].translation == "Nothing."
    assert metrics.worst[-1].chrf == pytest.approx(100)
    assert len(translation_metrics(REFERENCES, TRANSLATIONS, SOURCES, worst=1).worst) == 1


def test_empty_translations_score_nothing_and_stop_nothing():
    metrics = translation_metrics(REFERENCES, ["", "", ""], SOURCES)
    assert metrics.bleu == metrics.chrf == metrics.length_ratio == 0


def test_metrics_go_through_json(metrics):
    assert TranslationMetrics.from_json(json.loads(json.dumps(metrics.to_json()))) == metrics


@pytest.mark.parametrize("broken", [{}, {"samples": "x"}])
def test_other_json_is_an_error(metrics, broken):
    plain = {**metrics.to_json(), **broken} if broken else {}
    with pytest.raises(RunError, match="Expected translation metrics"):
        TranslationMetrics.from_json(plain)


def test_unequal_numbers_and_no_sentences_are_errors():
    with pytest.raises(UsageError, match="Received: 3, 2 and 3"):
        translation_metrics(REFERENCES, TRANSLATIONS[:2], SOURCES)
    with pytest.raises(DataError, match="no samples"):
        translation_metrics([], [], [])
