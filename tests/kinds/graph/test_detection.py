"""Which recipe takes a file of graphs, of ratings, or of neither."""

import numpy as np
import pytest

from convscope.data.snapshot import DataSnapshot
from convscope.errors import DataError
from convscope.kinds.graph.detect import detect
from convscope.kinds.registry import choose_spec

RNG = np.random.default_rng(0)


def pairs(count, first, other, mark):
    """Rows of two different names each, no pair of which comes again."""
    found = RNG.permutation(len(first) * len(other))[:count]
    return "".join(f"{first[at // len(other)]}{mark}{other[at % len(other)]}\n" for at in found)


@pytest.mark.parametrize("name", ["follows.txt", "any.tsv"])
def test_pairs_of_names_that_stand_at_both_ends_are_edges(tmp_path, name):
    people = [f"user{number}" for number in range(30)]
    (tmp_path / name).write_text(pairs(120, people, people, "\t"), "utf-8")
    assert detect(DataSnapshot(tmp_path / name)).recipe == "link-prediction"


def test_codes_without_a_header_are_edges_and_labels_of_texts_are_none(tmp_path):
    codes = [f"{a}{b}X" for a in "ABCDE" for b in "FGHIJ"]
    (tmp_path / "a.csv").write_text(pairs(100, codes, codes, ","), "utf-8")
    assert detect(DataSnapshot(tmp_path / "a.csv")).recipe == "link-prediction"
    (tmp_path / "b.csv").write_text(pairs(40, ["spam", "ham"], codes, ","), "utf-8")
    assert detect(DataSnapshot(tmp_path / "b.csv")) is None


def test_a_file_with_its_test_split_beside_holds_interactions(tmp_path):
    users, items = range(1, 21), range(1, 41)
    (tmp_path / "data1.txt").write_text(pairs(200, users, items, " "), "utf-8")
    assert detect(DataSnapshot(tmp_path / "data1.txt")).recipe == "link-prediction"
    (tmp_path / "test1.txt").write_text(pairs(20, users, items, " "), "utf-8")
    found = detect(DataSnapshot(tmp_path / "data1.txt"))
    assert (found.recipe, "test1.txt" in found.reason) == ("recommendation", True)
    assert detect(DataSnapshot(tmp_path)).recipe == "recommendation"


def test_lines_of_a_user_and_items_are_interactions(tmp_path):
    lines = (
        f"{user} {' '.join(map(str, RNG.permutation(40)[: 3 + user % 5].tolist()))}\n" for user in range(30)
    )
    (tmp_path / "train.txt").write_text("".join(lines), "utf-8")
    assert detect(DataSnapshot(tmp_path / "train.txt")).recipe == "recommendation"


def test_ratings_with_a_review_each_could_be_either(tmp_path):
    rows = [
        f"u{at % 9},b{at % 7},{at % 5},{'the food was good and all of us liked it ' * 2}" for at in range(60)
    ]
    file = tmp_path / "reviews.csv"
    file.write_text("\n".join(["user_id,business_id,stars,text", *rows]), "utf-8")
    with pytest.raises(DataError, match=r"recommendation because .* and a text 'text' of each"):
        choose_spec(file)


def test_columns_that_share_ids_under_names_that_say_nothing_are_asked_about(tmp_path):
    codes = [f"K{number:03d}" for number in range(20)]
    (tmp_path / "lines.csv").write_text("kunde,freund\n" + pairs(90, codes, codes, ","), "utf-8")
    (tmp_path / "people.csv").write_text("".join(f"{code},x\n" for code in ["nummer", *codes]), "utf-8")
    with pytest.raises(DataError, match="'kunde' and 'freund' share ids") as caught:
        choose_spec(tmp_path)
    for said in ("--source-column 'kunde' --target-column 'freund'", "--recipe link-prediction"):
        assert said in caught.value.hint
