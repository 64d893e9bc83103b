import os
from pathlib import Path

import pytest

from convscope.kinds.text.tagging.reader import read_tagged
from convscope.kinds.text.tagging.representation import TaggingRepresentation

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def news():
    place = os.environ.get("CONVSCOPE_DATA")
    if not place:
        pytest.skip("CONVSCOPE_DATA is not set")
    folder = Path(place) / "conll2003"
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing")
    return read_tagged(folder)


def test_the_official_splits_have_the_published_sizes(news):
    assert [len(news[name]) for name in ("train", "validation", "test")] == [14_041, 3_250, 3_453]
    assert [sum(map(len, news[name].labels)) for name in ("train", "validation", "test")] == [
        203_621,
        51_362,
        46_435,
    ]


def test_the_tags_are_iob1_with_the_published_number_of_entities(news):
    assert "tags: IOB1, converted to IOBES; types LOC, MISC, ORG, PER" in news.decisions
    entities = [tag for tags in news.test.labels for tag in tags if tag[0] in "BS"]
    assert len(entities) == 5_648
    assert sum(tag.endswith("-PER") for tag in entities) == 1_617


def test_words_characters_and_tags_are_fitted(news):
    made, _ = TaggingRepresentation.fit(news.train)
    assert len(made.tags) == 17
    assert made.encode(news.test.samples).lengths.sum() == 46_435
