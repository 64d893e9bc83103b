"""A saved page: opened from a disk without a network it shows the numbers that the studio shows."""

from __future__ import annotations

import json
import re

import keras
import numpy as np
import pytest

from convscope import scope
from convscope.errors import UsageError
from convscope.kinds.registry import kinds
from convscope.studio.saved.modules import import_map, modules_of
from convscope.studio.saved.selection import Selection
from convscope.studio.saved.writing import write_page

SELECTED = "#s=5&l=block1_conv&c=2&at=4,7"


@pytest.fixture(scope="module")
def saved(studio, tmp_path_factory):
    return write_page(studio.session, tmp_path_factory.mktemp("saved"), SELECTED)


def test_it_shows_what_was_selected_with_the_numbers_of_scope(saved, offline, finished, studio):
    opened = offline(saved)
    opened.wait("document.querySelector('cs-maps')?.own && document.querySelector('cs-position')?.position")
    found = opened.value("() => document.querySelector('cs-position').position")
    model = keras.models.load_model(finished.folder / "model.keras")
    inputs, rows = studio.session.samples.rows_of("0")
    sample = np.asarray(inputs.take(np.array([rows[5]])))
    expected = scope.position(model, sample, "block1_conv", 2, (4, 7))
    assert found["at"] == [4, 7]
    assert found["value"] == pytest.approx(expected.value, rel=1e-5)
    values = opened.value(
        "() => { const p = document.querySelector('cs-maps').own; return p.value(2, [4, 7]); }"
    )
    assert values == pytest.approx(expected.value, abs=0.02)
    assert opened.page.locator(".sample-name").inner_text()
    assert opened.page.locator("cs-own-input").count() == 0


def test_every_view_of_it_draws(saved, offline):
    opened = offline(saved)
    tabs = opened.page.locator("nav a").all_inner_texts()
    assert tabs == ["Inspect", "Why", "Kernels", "Training"]
    opened.page.click("nav >> text=Why")
    opened.wait("[...document.querySelectorAll('cs-attribution')].every((card) => card.values)")
    opened.page.click("nav >> text=Kernels")
    opened.wait(
        "document.querySelector('cs-kernels')?.weights && document.querySelectorAll('cs-patch canvas').length"
    )
    opened.page.click("nav >> text=Training")
    opened.wait("document.querySelectorAll('.charts canvas').length")
    assert opened.page.locator(".problem").count() == 0


def test_other_layers_are_within_it_where_there_is_room(saved, offline):
    opened = offline(saved)
    opened.page.click(".layer-row [title=block2_conv]")
    opened.wait("document.querySelector('cs-maps')?.own?.positions[0] === 8")
    assert opened.address["l"] == "block2_conv"


def test_what_is_not_in_it_is_said(saved, offline):
    opened = offline(saved)
    opened.page.click(".layer-row [title=block2_conv]")
    opened.wait("document.querySelector('cs-maps')?.own?.positions[0] === 8")
    opened.page.focus(".maps-scroll")
    opened.page.keyboard.press("PageDown")
    opened.wait("document.querySelector('cs-position .problem')")
    assert "not in the saved page" in opened.page.locator("cs-position .problem").inner_text()


def test_it_holds_no_folder_of_the_machine(saved, finished, pictures):
    text = saved.read_text(encoding="utf-8")
    assert str(finished.folder) not in text
    assert str(pictures) not in text
    held = re.search(r'id="convscope-saved">(.*?)</script>', text, re.S)[1]
    assert json.loads(held)["answers"]["api/state"]["status"] == 200


def test_its_policy_lets_it_ask_for_nothing(saved):
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', saved.read_text(encoding="utf-8"))[1]
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    assert "http" not in policy
    assert "unsafe" not in policy


def test_the_button_gives_the_page_of_the_selection(client):
    answer = client.get("api/saved.html", params={"s": 3, "l": "block2_conv", "why": "saliency"})
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith("attachment")
    held = json.loads(re.search(r'id="convscope-saved">(.*?)</script>', answer.text, re.S)[1])
    assert Selection.of(held["selection"]).values["l"] == "block2_conv"
    assert "api/models/0/samples/3/why.npy?method=saliency" in held["answers"]


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ("m=7", "id '7'"),
        ("l=nowhere", "named 'nowhere'"),
        ("s=100000", "100000"),
        ("c=99", "has 32 channels"),
        ("c=x", "whole number"),
        ("at=a", "such as 3,4"),
    ],
)
def test_a_selection_that_cannot_be_is_refused(studio, tmp_path, selection, message):
    with pytest.raises(UsageError, match=message):
        write_page(studio.session, tmp_path / "out", selection)
    assert not (tmp_path / "out").exists()


def test_a_file_in_place_of_the_folder_is_refused(studio, tmp_path):
    (tmp_path / "out").write_text("x")
    with pytest.raises(UsageError, match="expected a folder"):
        write_page(studio.session, tmp_path / "out")


def test_the_command_writes_the_page_of_a_model_without_data(run_command, tmp_path):
    code, out, err = run_command("studio", "padded_cnn", "--static", tmp_path / "out")
    assert code == 0, err
    assert "needs no network" in out + err
    assert "convscope-saved" in (tmp_path / "out/index.html").read_text(encoding="utf-8")


def test_a_page_that_is_written_takes_no_port(run_command, tmp_path):
    code, _, err = run_command("studio", "padded_cnn", "--static", tmp_path / "out", "--port", "9000")
    assert code == 2
    assert "serves nothing" in err


def test_a_notebook_saves_the_page(studio, tmp_path):
    from convscope.studio.notebook import NotebookStudio

    file = NotebookStudio(studio).save(tmp_path / "out", f"{studio.address}#s=3&l=block1_conv")
    assert file == tmp_path / "out/index.html"
    held = json.loads(re.search(r'id="convscope-saved">(.*?)</script>', file.read_text("utf-8"), re.S)[1])
    assert Selection.of(held["selection"]).values["s"] == "3"


def test_a_selection_without_a_page_is_refused(run_command):
    code, _, err = run_command("studio", "padded_cnn", "--select", "s=3")
    assert code == 2
    assert "--static" in err


@pytest.fixture(scope="module")
def elements(tmp_path_factory):
    """A page with nothing but the modules of all kinds."""
    scripts = [
        f"kinds/{kind.name}/{kind.studio.load().script.partition(':')[2]}" for kind in kinds() if kind.studio
    ]
    page = tmp_path_factory.mktemp("elements") / "all.html"
    imports = json.dumps({"imports": import_map(modules_of(scripts))})
    loads = "\n".join(f'import "convscope/{script}";' for script in scripts)
    page.write_text(
        '<main class="view"><p>all</p></main>'
        '<script type="application/json" id="convscope-saved">{}</script>'
        f'<script type="importmap">{imports}</script>'
        f'<script type="module">{loads} window.loaded = true;</script>'
    )
    return page


def test_the_element_of_each_kind_loads_from_a_disk(elements, offline):
    opened = offline(elements)
    opened.wait("window.loaded")
    for kind in kinds():
        if kind.studio:
            assert opened.value("(name) => Boolean(customElements.get(name))", kind.studio.load().name)
