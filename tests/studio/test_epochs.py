"""One slider over the epochs that a run has kept: every panel shows what the weights of that epoch make."""

from __future__ import annotations

import shutil

import keras
import numpy as np
import pytest
from opened_studio import array_of, json_of, let_in, npy

from convscope import scope
from convscope.engine.training.epoch_weights import write_epoch
from convscope.studio.saved.writing import write_page

LAYER = "block1_conv"
KEPT = (11, 13)
"""Later than the one that the run chose, which alone is calibrated."""
SHARES = {11: 0.25, 13: 0.75}
SAMPLE = 5


@pytest.fixture(scope="module")
def models(finished):
    """The model of the run, and with the weights of two epochs: here a share of those that it has."""
    found = {}
    for epoch in (None, *KEPT):
        found[epoch] = keras.models.load_model(finished.folder / "model.keras")
        if epoch is not None:
            found[epoch].set_weights([values * SHARES[epoch] for values in found[epoch].get_weights()])
    return found


@pytest.fixture(scope="module")
def kept_run(finished, models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("epochs") / "run"
    shutil.copytree(finished.folder, folder)
    for epoch in KEPT:
        write_epoch(folder, epoch, models[epoch].get_weights())
    return folder


@pytest.fixture(scope="module")
def studio(kept_run, pictures):
    """The studio of that run, in place of the one that other files share."""
    pytest.importorskip("starlette")
    from convscope.studio.opening import open_studio

    opened = open_studio([str(kept_run)], [str(pictures)], port=0, progress=lambda *_: None)
    opened.start()
    yield opened
    opened.stop()


@pytest.fixture(scope="module")
def client(studio):
    with let_in(studio) as found:
        yield found


@pytest.fixture(scope="module")
def sample(studio):
    inputs, rows = studio.session.samples.rows_of("0")
    return np.asarray(inputs.take(np.array([rows[SAMPLE]])))


@pytest.fixture(scope="module")
def number(client):
    (found,) = (row for row in json_of(client.get("api/models/0/layers"))["layers"] if row["name"] == LAYER)
    return found["id"]


def test_the_page_is_told_which_epochs_there_are(client):
    (model,) = json_of(client.get("api/state"))["models"]
    assert model["epochs"] == list(KEPT)
    assert model["best_epoch"] in range(1, 5)


@pytest.mark.parametrize("epoch", KEPT)
def test_maps_and_kernels_are_those_of_the_epoch(client, models, sample, number, epoch):
    found = array_of(client.get(f"api/models/0@{epoch}/samples/{SAMPLE}/layers/{number}/maps.npy?exact=1"))
    recorded = np.moveaxis(scope.record(models[epoch], sample, LAYER)[LAYER].array[0], -1, 0)
    np.testing.assert_allclose(found, recorded, rtol=1e-4, atol=1e-5)
    kernels = array_of(client.get(f"api/models/0@{epoch}/layers/{number}/kernels.npy"))
    np.testing.assert_allclose(kernels, scope.kernels(models[epoch], LAYER).weights, rtol=1e-6)


@pytest.mark.parametrize("epoch", KEPT)
def test_predictions_are_those_of_the_epoch_without_the_calibration_of_another(client, models, sample, epoch):
    found = json_of(client.get(f"api/models/0@{epoch}/samples/{SAMPLE}/prediction"))
    expected = np.asarray(models[epoch](sample))[0]
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-4)
    matrix = json_of(client.get(f"api/models/0@{epoch}/confusion?split=all"))["matrix"]
    assert np.sum(matrix) == 120


def test_samples_are_found_of_which_two_models_say_something_else(client):
    one, other = (
        {row["id"]: row for row in json_of(client.get(f"api/samples?m={m}&count=5000&predict=1"))["rows"]}
        for m in (f"0@{KEPT[0]}", "0")
    )
    found = json_of(client.get(f"api/samples?m=0@{KEPT[0]}&count=5000&differs=0"))["rows"]
    expected = [each for each, row in one.items() if row["predicted"] != other[each]["predicted"]]
    assert [row["id"] for row in found] == expected
    assert [row["beside"] for row in found] == [other[each]["predicted"] for each in expected]


def test_an_input_of_ones_own_is_answered_by_the_epoch(client, models, sample):
    sent = client.post(
        "api/inputs?m=0", content=npy(sample[0]), headers={"content-type": "application/x-npy"}
    )
    own = json_of(sent)["id"]
    answers = [
        json_of(client.get(f"api/models/{model}/samples/{own}/prediction"))["probabilities"]
        for model in ("0", "0@11")
    ]
    assert np.abs(np.subtract(*answers)).max() > 1e-3
    np.testing.assert_allclose(answers[1], np.asarray(models[11](sample))[0], atol=1e-4)


@pytest.mark.parametrize(("model", "status"), [("0@2", 410), ("0@x", 404), ("0@", 404), ("1@1", 404)])
def test_an_epoch_that_is_not_kept_is_refused(client, model, status):
    answer = client.get(f"api/models/{model}/samples/{SAMPLE}/prediction")
    assert answer.status_code == status
    assert answer.json()["error"]


def test_the_slider_moves_every_panel(opened, models, sample):
    opened.show(s=SAMPLE, l=LAYER, c=2, at="4,7")
    opened.wait("document.querySelector('cs-maps')?.own && document.querySelector('cs-position')?.position")
    assert opened.page.locator(".epochs output").inner_text().endswith("best")
    sums = [opened.value("() => document.querySelector('cs-position').position.sum")]
    opened.page.focus(".epochs input")
    for epoch in reversed(KEPT):
        opened.page.keyboard.press("ArrowLeft")
        assert opened.address["e"] == str(epoch)
        opened.wait(
            f"document.querySelector('cs-position').position.sum !== {sums[-1]}"
            " && document.querySelector('cs-prediction').prediction"
        )
        sums.append(opened.value("() => document.querySelector('cs-position').position.sum"))
        expected = scope.position(models[epoch], sample, LAYER, 2, (4, 7))
        assert sums[-1] == pytest.approx(expected.sum, rel=1e-4)
    assert opened.page.locator(".epochs output").inner_text() == "epoch 11"


def test_it_is_played_from_the_first_epoch_to_the_best(opened):
    opened.show(s=SAMPLE, l=LAYER, view="training")
    opened.page.wait_for_selector(".charts canvas")
    opened.page.click(".epochs button")
    assert opened.address["e"] == "11"
    opened.wait("!location.hash.includes('&e=')")
    opened.wait("document.querySelector('.epochs button').innerText.trim() === 'Play'")


def test_a_saved_page_shows_the_epoch(studio, offline, tmp_path, models, sample):
    opened = offline(write_page(studio.session, tmp_path, f"s={SAMPLE}&l={LAYER}&c=2&at=4,7&e=2"))
    opened.wait("document.querySelector('cs-position')?.position")
    assert opened.page.locator("cs-epochs").inner_text() == "epoch 11"
    found = opened.value("() => document.querySelector('cs-position').position.sum")
    expected = scope.position(models[11], sample, LAYER, 2, (4, 7))
    assert found == pytest.approx(expected.sum, rel=1e-4)


def test_arrays_of_two_epochs_are_compared(opened):
    opened.show(view="compare", s=SAMPLE, l=LAYER, m="0@11,0")
    opened.wait("document.querySelector('cs-difference')?.planes")
    low, high = opened.value(
        "() => { const p = document.querySelector('cs-difference').planes; return [p.low, p.high]; }"
    )
    assert high - low > 0.01
    names = opened.page.locator("cs-compare select >> nth=0 >> option").all_inner_texts()
    assert [name.rpartition(", ")[2] for name in names[1:]] == ["epoch 11", "epoch 13"]
