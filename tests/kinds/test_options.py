"""Options say what recipes and architectures take, with the defaults that these have themselves."""

import subprocess
import sys

import pytest

from convscope.kinds.audio import kind as audio
from convscope.kinds.graph import kind as graph
from convscope.kinds.image import kind as image
from convscope.kinds.registry import architecture_options, architectures
from convscope.kinds.series import kind as series
from convscope.kinds.text import kind as text

FROM_DATA = {"vocabulary", "characters", "constraints", "rate", "cap", "table_width", "hops", "answers"}
"""What a representation tells an architecture, which nobody sets."""
MODEL_OPTIONS = (
    (image.IMAGE_CLASSIFICATION_MODEL_OPTIONS, "compact_cnn deep_cnn padded_cnn residual_cnn"),
    (text.TEXT_CLASSIFICATION_MODEL_OPTIONS, "text_cnn residual_text_cnn"),
    (text.TEXT_TAGGING_MODEL_OPTIONS, "dilated_tagger"),
    (text.TRANSLATION_MODEL_OPTIONS, "conv_seq2seq"),
    (series.SERIES_CLASSIFICATION_MODEL_OPTIONS, "inception_time fcn minirocket"),
    (series.SERIES_ANOMALY_MODEL_OPTIONS, "causal_forecaster conv_autoencoder"),
    (series.SERIES_REMAINING_LIFE_MODEL_OPTIONS, "life_cnn"),
    (audio.AUDIO_CLASSIFICATION_MODEL_OPTIONS, "audio_cnn"),
    (audio.SPEECH_RECOGNITION_MODEL_OPTIONS, "separable_ctc"),
    (graph.NODE_CLASSIFICATION_MODEL_OPTIONS, "gcn sage gat tag_cnn appnp"),
)


@pytest.mark.parametrize(
    ("options", "architecture"),
    [(options, name) for options, names in MODEL_OPTIONS for name in names.split()],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_model_options_equal_the_signature_of_the_architecture(options, architecture):
    taken = architecture_options(architectures()[architecture])
    said = {each.name: each.defaults[architecture] for each in options if architecture in each.defaults}
    assert said == {name: default for name, default in taken.items() if name not in FROM_DATA}


@pytest.mark.parametrize("options", [options for options, _ in MODEL_OPTIONS])
def test_a_default_is_a_value_that_the_option_admits(options):
    for option in options:
        for default in option.defaults.values():
            assert default is None or option.validated(default) == default


def test_options_are_read_without_keras():
    code = (
        "import sys, convscope.kinds.image.kind, convscope.kinds.text.kind;"
        "import convscope.kinds.series.kind, convscope.kinds.audio.kind;"
        "import convscope.engine.training.settings;"
        "print([name for name in ('keras', 'numpy', 'tensorflow') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
