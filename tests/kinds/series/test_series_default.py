"""Which architecture series have by default, and what is said of it."""

from types import SimpleNamespace

import pytest
from made_series import wide

import convscope
from convscope.kinds.registry import find_recipe
from convscope.kinds.series.recipes import MOST_SOLVED, suggest_architecture
from convscope.types import no_progress
from convscope.workflows.training_plan import plan

pytest.importorskip("pandas")
pytest.importorskip("aeon")


@pytest.mark.parametrize(
    ("count", "length", "expected"),
    [(20, 30, "minirocket"), (MOST_SOLVED, 9, "minirocket"), (MOST_SOLVED + 1, 30, None), (20, 8, None)],
)
def test_few_series_that_are_long_enough_have_fixed_kernels(count, length, expected):
    found = suggest_architecture(SimpleNamespace(length=length), SimpleNamespace(train=range(count)))
    assert (found and found[0]) == expected


@pytest.mark.parametrize("count", [6, 40])
def test_plain_training_of_few_series_solves_and_says_so(tmp_path, count):
    run = convscope.train(wide(tmp_path / "few.csv", count=count), out=tmp_path / "run")
    record = run.record()
    assert record["architecture"] == "minirocket"
    (line,) = [line for line in record["decisions"] if line.startswith("architecture: ")]
    few = sum(record["data"]["counts"]["train"].values())
    assert line.startswith(f"architecture: minirocket, because {few} train series are few")
    assert "--architecture inception_time" in line


def planned(path, architecture=None, options=None, settings=None):
    made = plan(
        find_recipe("series-classification"), path, architecture, options or {}, settings or {}, no_progress
    )
    return made.architecture, [line for line in made.decisions if line.startswith("architecture: ")]


SMALL = {"depth": 1, "filters": 2}


@pytest.mark.parametrize("given", [{"settings": {"epochs": 1}}, {"options": SMALL}])
def test_what_a_solved_one_does_not_take_leads_to_one_that_does_and_is_said(tmp_path, given):
    name, (line,) = planned(wide(tmp_path / "few.csv", count=40), **given)
    assert name == "inception_time"
    assert line.startswith(
        "architecture: inception_time, the default of series-classification; not minirocket"
    )
    assert "does not support" in line


def test_an_architecture_that_is_asked_for_is_taken(tmp_path):
    assert planned(wide(tmp_path / "few.csv", count=40), "inception_time", SMALL) == ("inception_time", [])
