"""A finished run of every recipe of texts."""

from types import SimpleNamespace

import pytest
from small_texts import CASES

import convscope


@pytest.fixture(scope="session", params=CASES)
def case(request):
    """Each recipe of texts with small data for it."""
    return CASES[request.param]


@pytest.fixture(scope="session")
def trained(case, built_once):
    """A finished run of it, its data, and what was said while it was trained; to be read, not changed."""

    def train(folder):
        said = []
        data = case.write(folder / "data")
        run = convscope.train(data, out=folder / "run", say=said.append, **case.settings)
        return SimpleNamespace(run=run, folder=run.folder, data=data, said=said)

    return built_once(case.recipe, train)
