"""The report is one valid page without network, says what happened, and trusts no name."""

import base64
import dataclasses
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from convscope.errors import RunError
from convscope.lenses.pages.report import Mistake, ReportContent, render_report, write_report
from convscope.types import Skipped

EVIL = '<script>alert("x")</script>'
VOID = {"meta", "link", "img", "br", "col"}


class Page(HTMLParser):
    """Reads a page and insists that every element is closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.words = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def judgement(names, right=8, wrong=2):
    size = len(names)
    matrix = [[right if i == j else wrong * (j == (i + 1) % size) for j in range(size)] for i in range(size)]
    return {
        "samples": (right + wrong) * size,
        "accuracy": right / (right + wrong),
        "macro_f1": 0.7,
        "expected_calibration_error": 0.043,
        "loss": 0.9,
        "classes": [
            {"name": name, "precision": 0.8, "recall": 0.8, "f1": 0.9 - i / 100, "support": right + wrong}
            for i, name in enumerate(names)
        ],
        "confusion": matrix,
        "reliability": [
            {"lower": i / 15, "upper": (i + 1) / 15, "count": i, "confidence": i / 15, "accuracy": i / 15}
            for i in range(15)
        ],
    }


def pictures(count, shape=(8, 8, 1)):
    return list(np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8))


def content(names=("cat", "dog", "owl"), **changes):
    history = [
        {
            "epoch": i,
            "loss": 2 / i,
            "accuracy": 0.5,
            "val_loss": 2.1 / i,
            "val_accuracy": 0.4,
            "seconds": 31.0,
        }
        for i in range(1, 5)
    ]
    whole = ReportContent(
        title="2026-11-20-animals",
        recipe="image-classification",
        architecture="compact_cnn",
        class_names=names,
        counts={split: dict.fromkeys(names, 1000) for split in ("train", "validation", "test")},
        history=history,
        metrics=judgement(names),
        mistakes=[
            Mistake(picture, f"test/{i}.png", names[0], names[1], 0.99 - i / 100)
            for i, picture in enumerate(pictures(5, (8, 6, 3)))
        ],
        samples=[(name, pictures(3)) for name in names],
        settings={"epochs": 4, "batch_size": 64},
        versions={"keras": "3.15.1"},
        machine={"processor": "two cores"},
        decisions=["precision float32: the processor has no bfloat16"],
        warnings=["12 files are in train and in test"],
        skipped=[Skipped("cat/broken.jpg", "truncated")],
    )
    return dataclasses.replace(whole, **changes)


def test_the_page_says_everything_that_happened():
    text = Page(render_report(content())).text
    for words in (
        "2026-11-20-animals", "image-classification", "compact_cnn", "3 classes", "9,000 samples",
        "4 epochs in 2 min", "80.0%", "on 30 samples; 95% interval 62.7% to 90.5%", "“cat” would give 33.3%",
        "0.900", "4.3%", "with 99.0%, true: cat", "batch size 64", "keras 3.15.1", "two cores", "no bfloat16",
        "12 files are in train and in test", "cat/broken.jpg truncated", "Most frequent confusions",
    ):  # fmt: skip
        assert words in text, words


def test_rows_and_what_they_lie_in_are_not_added_up():
    counts = {split: {"stretches of rows": 1, "rows": 300} for split in ("train", "validation", "test")}
    text = Page(render_report(content(class_names=(), counts=counts, counted="rows", metrics=None))).text
    assert "900 rows" in text
    assert "903" not in text


def test_the_page_stands_alone():
    text = render_report(content())
    assert not re.search(r"https?:|@import|url\((?!#)", text)
    page = Page(text)
    assert not page.all("script")
    assert all(each["src"].startswith("data:image/png;base64,") for each in page.all("img"))
    assert {each["href"][0] for each in page.all("a")} == {"#"}
    assert any("default-src 'none'" in each.get("content", "") for each in page.all("meta"))


def test_the_page_is_accessible():
    page = Page(render_report(content()))
    assert page.all("html") == [{"lang": "en"}]
    assert all("alt" in each for each in page.all("img"))
    assert all(each.get("scope") in ("row", "col") for each in page.all("th"))
    assert all(each["role"] == "img" and each["aria-label"] for each in page.all("svg"))
    named = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(named) == len(set(named))
    assert {each["href"][1:] for each in page.all("a")} <= set(named)


def test_every_name_from_outside_is_escaped():
    names = (EVIL, 'dog" onload="x', "owl")
    text = render_report(
        content(
            names,
            title=EVIL,
            mistakes=[Mistake(pictures(1)[0], EVIL, EVIL, names[1], 0.9)],
            settings={EVIL: EVIL},
            decisions=[EVIL],
            warnings=[EVIL],
            skipped=[Skipped(EVIL, EVIL)],
        )
    )
    page = Page(text)
    assert not page.all("script")
    assert not [attributes for _, attributes in page.elements if "onload" in attributes]
    assert page.text.count(EVIL) >= 8


def test_a_file_name_that_is_no_unicode_is_written(tmp_path):
    write_report(tmp_path / "report.html", content(skipped=[Skipped("bad\udcff.jpg", "unreadable")]))
    assert "bad\\udcff.jpg" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_same_content_gives_the_same_bytes_and_replaces_the_older_report(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("older")
    write_report(path, content())
    first = path.read_bytes()
    write_report(path, content())
    assert path.read_bytes() == first
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("spoil", ["folder", "file"])
def test_a_report_that_cannot_be_written_leaves_nothing(spoil, tmp_path):
    path = {"folder": "report.html", "file": "file/report.html"}[spoil]
    (tmp_path / "report.html").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        write_report(tmp_path / path, content())
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "report.html"]


@pytest.mark.parametrize("size", [2, 12, 13, 120])
def test_any_number_of_classes_is_listed_completely(size):
    names = tuple(f"class {i}" for i in range(size))
    page = Page(render_report(content(names)))
    rows = [each for each in page.all("th") if each.get("scope") == "row"]
    assert len(rows) == 2 * size + 1
    assert ("The other" in page.text) == (size > 12)


def test_classes_are_ranked_weakest_first_and_absent_ones_last():
    judged = judgement(("cat", "dog", "owl"))
    judged["classes"][0] |= {"support": 0, "f1": 0.0}
    text = Page(render_report(content(metrics=judged))).text
    table = text[text.index("weakest F1 first") : text.index("Mistakes The most")]
    assert re.findall("cat|dog|owl", table) == ["owl", "dog", "cat"]
    assert "\N{EN DASH}" in table


@pytest.mark.parametrize("shape", [(1, 1, 1), (8, 8, 3), (8, 8, 4), (300, 20, 3), (8, 8, 2)])
def test_pictures_of_any_shape_are_shown(shape):
    page = Page(render_report(content(samples=[("cat", pictures(2, shape))], mistakes=[])))
    assert len(page.all("img")) == 2
    assert {each["class"] for each in page.all("img")} == {"large" if max(shape) > 96 else "small"}


def test_what_is_not_known_is_left_out():
    bare = ReportContent("bare", "image-classification", "deep_cnn", ("a", "b"), {"train": {"a": 1, "b": 2}})
    page = Page(render_report(bare))
    assert "Training" not in page.text
    assert "Confusion" not in page.text
    assert "Warnings" not in page.text
    assert not page.all("svg")


def test_only_the_first_skipped_files_are_listed_with_their_total():
    text = Page(render_report(content(skipped=[Skipped(f"{i}.jpg", "empty") for i in range(1234)]))).text
    assert "1,234 files, the first 200 listed" in text
    assert "199.jpg" in text
    assert "200.jpg" not in text


def test_epochs_with_missing_values_are_shown_with_a_dash():
    history = [{"epoch": 1, "loss": 1.0, "val_loss": None}, {"epoch": 2, "loss": 0.5}]
    assert "\N{EN DASH}" in Page(render_report(content(history=history))).text


@pytest.mark.parametrize("shape", [(20, 12), (20, 12, 1), (20, 12, 3), (20, 12, 4)])
def test_a_picture_keeps_its_size_and_values_on_the_page(shape):
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    page = render_report(content(samples=[("cat", [picture])], mistakes=[]))
    encoded = re.search(r"data:image/png;base64,([A-Za-z0-9+/=]+)", page)
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded.group(1)))))
    np.testing.assert_array_equal(shown, picture.reshape(shown.shape))
