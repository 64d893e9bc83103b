"""Inputs of one's own on the page: dropped, pasted, written; the last one wins."""

import base64

import pytest
from opened_studio import json_of

SEND = """([way, files]) => {
  const data = new DataTransfer();
  for (const [name, content] of files) {
    const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
    data.items.add(new File([bytes], name, { type: 'image/png' }));
  }
  const how = { cancelable: true, bubbles: true };
  const event = way === 'drop' ? new DragEvent('drop', { ...how, dataTransfer: data })
    : new ClipboardEvent('paste', { ...how, clipboardData: data });
  document.body.dispatchEvent(event);
}"""


def file_of(pictures, row):
    path = pictures / row["name"]
    return path.name, base64.b64encode(path.read_bytes()).decode()


@pytest.fixture(scope="module")
def rows(client):
    return json_of(client.get("api/samples?count=5000"))["rows"]


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_a_picture_is_answered_as_the_sample_that_it_is(opened, client, pictures, rows, way):
    opened.show(s=0)
    opened.wait("document.querySelector('cs-maps')?.own")
    opened.value(SEND, [way, [file_of(pictures, rows[7])]])
    opened.wait("location.hash.includes('s=u')")
    opened.wait("document.querySelector('cs-prediction').prediction?.label === null")
    found = opened.value("() => document.querySelector('cs-prediction').prediction")
    expected = json_of(client.get(f"api/models/0/samples/{rows[7]['id']}/prediction"))
    assert found["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-5)


def test_of_several_pictures_in_a_row_the_last_one_stays(opened, pictures, rows):
    opened.show(s=0)
    opened.wait("document.querySelector('cs-maps')?.own")
    for number in (1, 2, 3):
        opened.value(SEND, ["drop", [file_of(pictures, rows[number])]])
    name = rows[3]["name"].rpartition("/")[2]
    opened.page.wait_for_selector(f".sample-name >> text={name}")
    opened.page.wait_for_timeout(600)
    assert opened.page.locator(".sample-name").inner_text() == name
    assert opened.page.locator(".problem").count() == 0


@pytest.mark.parametrize("run", ["text"], indirect=True)
def test_a_text_is_answered_while_it_is_written(run, page):
    page.page.click("[data-way=write]")
    page.page.locator("cs-own-input textarea").fill("the story was clumsy")
    page.wait("location.hash.includes('s=u')")
    page.wait("document.querySelector('cs-prediction').prediction?.label === null")
    page.wait(
        "[...document.querySelectorAll('cs-input .token')].map((each) => each.textContent.trim()).join(' ')"
        " === 'the story was clumsy'"
    )
