"""Settings are refused where they cannot work, and survive being written down."""

import json

import pytest

from convscope.engine.training.settings import FitSettings
from convscope.errors import UsageError


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("epochs", 0, "at least 1"),
        ("batch_size", 0, "at least 1"),
        ("learning_rate", 0.0, "above 0"),
        ("learning_rate", float("nan"), "above 0"),
        ("learning_rate", 100.0, "below 100"),
        ("schedule", "linear", "cosine, constant"),
        ("warmup", 1.0, r"in \[0, 1\)"),
        ("weight_decay", -0.1, r"in \[0, 1\)"),
        ("label_smoothing", 1.0, r"in \[0, 1\)"),
        ("patience", 0, "at least 1"),
        ("augmentation", -1.0, r"in \[0, 4\]"),
        ("precision", "float16", "auto, float32, bfloat16"),
        ("seed", -1, "2147483648"),
        ("seed", 2**31, "2147483648"),
    ],
)
def test_what_cannot_work_is_refused_with_what_was_expected_and_received(name, value, expected):
    with pytest.raises(UsageError, match=f"{name} must be .*{expected}.*Received: {name}={value!r}"):
        FitSettings(**{name: value})


@pytest.mark.parametrize(
    "settings", [FitSettings(), FitSettings(epochs=1, patience=3, precision="bfloat16", augmentation=0)]
)
def test_settings_survive_json(settings):
    assert FitSettings(**json.loads(json.dumps(settings.to_json()))) == settings
