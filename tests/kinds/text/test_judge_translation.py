import json

import pytest
import sacrebleu

from convscope.errors import DataError, RunError, UsageError
from convscope.kinds.text.translation.metrics import TranslationMetrics, judge_translations

SOURCES = ["Ein Mann schläft.", "Zwei Hunde spielen im Schnee.", "Eine Frau liest ein Buch."]
REFERENCES = ["A man is sleeping.", "Two dogs are playing in the snow.", "A woman is reading a book."]
TRANSLATIONS = ["A man is sleeping.", "Two dogs play in the snow.", "Nothing."]


@pytest.fixture
def judged():
    return judge_translations(REFERENCES, TRANSLATIONS, SOURCES)


def test_the_scores_are_those_of_sacrebleu(judged):
    assert judged.bleu == sacrebleu.corpus_bleu(TRANSLATIONS, [REFERENCES]).score
    assert judged.chrf == sacrebleu.corpus_chrf(TRANSLATIONS, [REFERENCES]).score
    assert "tok:13a" in judged.bleu_signature
    assert "case:mixed" in judged.bleu_signature
    assert judged.chrf_signature.startswith("nrefs:1")
    assert judged.samples == 3
    assert 0 < judged.length_ratio < 1
    assert 0 < judged.brevity_penalty < 1


def test_a_report_begins_with_the_scores_to_a_tenth(judged):
    scores = judged.to_scores()
    assert scores[0] == ("BLEU", f"{judged.bleu:.1f}", judged.bleu_signature)
    assert scores[1] == ("chrF", f"{judged.chrf:.1f}", judged.chrf_signature)
    assert scores[-1] == ("Test sentences", 3)


def test_the_worst_sentences_come_first(judged):
    assert [sentence.index for sentence in judged.worst] == [2, 1, 0]
    assert judged.worst[0].source == SOURCES[2]
    assert judged.worst[0].translation == "Nothing."
    assert judged.worst[-1].chrf == pytest.approx(100)
    assert len(judge_translations(REFERENCES, TRANSLATIONS, SOURCES, worst=1).worst) == 1


def test_empty_translations_score_nothing_and_stop_nothing():
    judged = judge_translations(REFERENCES, ["", "", ""], SOURCES)
    assert judged.bleu == judged.chrf == judged.length_ratio == 0


def test_a_judgement_goes_through_json(judged):
    assert TranslationMetrics.from_json(json.loads(json.dumps(judged.to_json()))) == judged


@pytest.mark.parametrize("broken", [{}, {"samples": "x"}])
def test_other_json_is_an_error(judged, broken):
    plain = {**judged.to_json(), **broken} if broken else {}
    with pytest.raises(RunError, match="not a judgement of translations"):
        TranslationMetrics.from_json(plain)


def test_unequal_numbers_and_no_sentences_are_errors():
    with pytest.raises(UsageError, match="Received: 3, 2 and 3"):
        judge_translations(REFERENCES, TRANSLATIONS[:2], SOURCES)
    with pytest.raises(DataError, match="no samples"):
        judge_translations([], [], [])
