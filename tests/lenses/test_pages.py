"""Pictures, arrays and pages as files: complete, escaped, the same every time."""

import base64
import json
import re
import xml.etree.ElementTree as ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from drawn import THEMES
from PIL import Image

from convscope.errors import UsageError
from convscope.lenses.figures.maps import draw_maps
from convscope.lenses.pages.pages import LazyFigure, Section, render_page, write_page
from convscope.lenses.sheet.figure_files import save_arrays, save_figure
from convscope.lenses.sheet.theme import THEMES as KNOWN
from convscope.lenses.sheet.theme import color_bytes
from convscope.lenses.views.layer_maps import LayerMaps
from convscope.lenses.views.plain import plain_sample

SAMPLE = plain_sample(np.arange(64, dtype=np.uint8).reshape(8, 8, 1), "face.jpg")


def figure(theme="light", name="conv"):
    maps = np.random.default_rng(0).random((6, 6, 8))
    maps[0, 0, 0] = np.nan
    return draw_maps(SAMPLE, [LayerMaps(name, "Text.", maps)], theme=theme)


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf", "PNG"])
def test_every_format_is_written_the_same_each_time(suffix, tmp_path):
    first = save_figure(figure(), tmp_path / f"a.{suffix}").read_bytes()
    assert first == save_figure(figure(), tmp_path / f"b.{suffix}").read_bytes()
    assert [each.name for each in sorted(tmp_path.iterdir())] == [f"a.{suffix}", f"b.{suffix}"]


@pytest.mark.parametrize("theme", THEMES)
def test_a_png_has_the_ground_of_its_theme_and_200_pixels_to_the_inch(theme, tmp_path):
    picture = Image.open(save_figure(figure(theme), tmp_path / "a.png"))
    assert picture.width == 1400
    assert picture.convert("RGBA").getpixel((2, 2)) == tuple(color_bytes(KNOWN[theme].ground))


def test_text_stays_text_in_svg(tmp_path):
    drawn = ElementTree.parse(save_figure(figure(name="a<b>&c"), tmp_path / "a.svg"))
    assert "a<b>&c" in [each.text for each in drawn.iter("{http://www.w3.org/2000/svg}text")]


def test_settings_of_the_user_neither_change_a_picture_nor_are_changed(tmp_path):
    plain = save_figure(figure(), tmp_path / "a.png").read_bytes()
    own = {"font.family": "serif", "savefig.bbox": "tight", "axes.facecolor": "red", "figure.dpi": 50}
    own |= {"lines.linewidth": 9, "hatch.linewidth": 5, "lines.marker": "o", "text.color": "red"}
    with mpl.rc_context(own):
        before = dict(mpl.rcParams)
        assert save_figure(figure(), tmp_path / "b.png").read_bytes() == plain
        assert dict(mpl.rcParams) == before


def test_an_unknown_suffix_is_refused_and_the_known_ones_are_named(tmp_path):
    with pytest.raises(UsageError, match=r"\.png, \.svg or \.pdf"):
        save_figure(figure(), tmp_path / "a.gif")
    with pytest.raises(UsageError, match=r"\.npz or \.json"):
        save_arrays(tmp_path / "a.csv", {}, {})


ARRAYS = {
    "block/conv": np.array([[1.5, np.nan], [np.inf, -2]], np.float32),
    "counts": np.arange(3),
    "one": np.float64(3),
    "dead": np.array([True, False]),
}


def test_arrays_come_back_from_npz_without_pickle(tmp_path):
    path = save_arrays(tmp_path / "a.npz", ARRAYS, {"model": "t\u00e4st"})
    with np.load(path, allow_pickle=False) as read:
        assert json.loads(str(read["about"])) == {"model": "t\u00e4st"}
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(read[name], array)
            assert read[name].dtype == np.asarray(array).dtype
    assert path.read_bytes() == save_arrays(tmp_path / "b.npz", ARRAYS, {"model": "t\u00e4st"}).read_bytes()


def test_arrays_in_json_have_shape_type_and_null_for_what_is_not_finite(tmp_path):
    read = json.loads(save_arrays(tmp_path / "a.json", ARRAYS, {"model": "tiny"}).read_text("utf-8"))
    assert read["about"] == {"model": "tiny"}
    assert read["arrays"]["block/conv"] == {
        "shape": [2, 2],
        "dtype": "float32",
        "values": [[1.5, None], [None, -2.0]],
    }
    assert read["arrays"]["one"]["values"] == 3.0
    assert read["arrays"]["dead"]["values"] == [True, False]


def test_arrays_of_objects_and_a_taken_name_are_refused(tmp_path):
    with pytest.raises(UsageError, match="type object"):
        save_arrays(tmp_path / "a.npz", {"x": np.array([None])}, {})
    with pytest.raises(UsageError, match="about"):
        save_arrays(tmp_path / "a.npz", {"about": np.zeros(2)}, {})
    assert list(tmp_path.iterdir()) == []


def sections(name="conv"):
    return [
        Section(
            f"First {name}",
            ["A paragraph."],
            [LazyFigure(lambda theme: figure(theme, name), f"Maps of {name}", name)],
        ),
        Section("Second"),
    ]


def test_a_page_holds_both_themes_and_loads_nothing(tmp_path):
    page = write_page(tmp_path / "page.html", "Maps", sections(), lead="Of a face.").read_text("utf-8")
    addresses = re.findall(r'(?:src|srcset|href)="([^"]*)"', page)
    assert all(each.startswith(("data:", "#")) for each in addresses)
    drawn = [base64.b64decode(each.split(",", 1)[1]).decode() for each in addresses if "svg+xml" in each]
    grounds = [KNOWN[theme].ground in svg for theme, svg in zip(("dark", "light"), drawn, strict=True)]
    assert grounds == [True, True]
    assert 'media="(prefers-color-scheme: dark)"' in page
    assert page == render_page("Maps", sections(), lead="Of a face.")


@pytest.mark.parametrize("name", ['"><script>alert(1)</script>', "&amp;", "猫 🐈", "\ud800"])
def test_names_on_a_page_are_escaped(name, tmp_path):
    page = write_page(tmp_path / "page.html", name, sections(name), lead=name).read_text("utf-8")
    assert "<script" not in page
    if name.isprintable() and "<" not in name and "&" not in name:
        assert f"<h1>{name}</h1>" in page
