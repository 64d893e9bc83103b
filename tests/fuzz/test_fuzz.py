"""Any bytes in the place of a file end in samples or an error of the package; run by name with -m slow."""

import random
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import changes
import targets


@pytest.mark.slow
@pytest.mark.parametrize("name", targets.names())
def test_changed_bytes_are_read_or_refused(name):
    target = targets.target(name)
    assert target.accepts(target.seed)

    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.integers(0, 2**32), st.binary(max_size=64))
    def check(seed, others):
        rng = random.Random(seed)
        target.accepts(target.change(target.seed, rng))
        target.accepts(changes.changed_bytes(target.seed, rng, others))

    check()


@pytest.mark.parametrize(
    "name",
    [
        "text-csv",
        "text-json",
        "features-metadata",
        "zarr-array",
        "run",
        "splits",
        "history",
        "metrics",
        "folds",
        "calibration-classes",
    ],
)
def test_some_changes_of_each_form(name):
    target = targets.target(name)
    assert target.accepts(target.seed)
    for number in range(60):
        target.accepts(target.change(target.seed, random.Random(number)))


def test_changes_are_those_of_their_seed():
    content = b"a,b\n1,2\n"
    made = [changes.changed_bytes(content, random.Random(number)) for number in range(50)]
    assert made == [changes.changed_bytes(content, random.Random(number)) for number in range(50)]
    assert len(set(made)) > 30
    plain = {"a": [1, {"b": "c"}]}
    values = [changes.as_json(changes.changed_values(plain, random.Random(number))) for number in range(50)]
    assert len(set(values)) > 20
    assert plain == {"a": [1, {"b": "c"}]}
