"""How quickly the studio answers, in a browser, on this machine.

| figure | from | to |
|---|---|---|
| first paint | opening the address | the first text on the screen |
| first maps | opening the address | the maps of the first sample are drawn |
| field | the pointer moves over a map | what the position sees lights up in the input |
| sum | the pointer comes to rest | the sum of its products is in the panel (the page waits 60 ms of it) |
| dropped picture | the drop of a PNG file | its maps are drawn; the answer, too |
| process that decodes | the start of the studio | it is ready for the first file |

Models: runs of `compact_cnn` and `deep_cnn` trained for an epoch on digits of 48x48, and ResNet50 of
`keras.applications` with random weights on pictures of 224x224. Then the map of features with 10,000 and
100,000 points, dragged; memory of the server after many selections (all layers, positions and predictions of
changing samples); and 10,000 points in TensorBoard's projector, where it is installed. Chromium draws without
a graphics card here.

    python benchmarks/studio.py [--parts answers points memory peer] [--json FILE] [--quick]
"""

from __future__ import annotations

import argparse
import base64
import io
import statistics
import tempfile
from functools import partial
from pathlib import Path

import httpx
import numpy as np
from PIL import Image
from playwright.sync_api import Page
from results import Figure, add_arguments, print_table, write_results
from sklearn.datasets import load_digits
from studio_browser import browser, frames_while, frames_while_dragged, waited
from studio_peer import projector_figures
from studio_server import Served, made_resnet, serving, trained

SEEDS = [0]
PARTS = ("answers", "points", "memory", "peer")
TARGET_MILLISECONDS = 100.0
REPEATS = 10
NEAR, MANY = 10_000, 100_000
SELECTIONS, FEW_SELECTIONS = 10_000, 1_500
BEFORE = 500
"""Selections after which all caches are full."""

WATCH = """
const told = (window.told = {});
const look = () => {
  if (!told.maps && document.querySelector('cs-maps')?.own) told.maps = performance.now();
  if (!told.points && document.querySelector('cs-projection')?.found) told.points = performance.now();
  requestAnimationFrame(look);
};
look();
"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
FIELD = """([x, y]) => new Promise((done) => {
  const panel = document.querySelector('cs-maps .maps-scroll');
  const start = performance.now();
  panel.dispatchEvent(new PointerEvent('pointermove', { clientX: x, clientY: y, bubbles: true }));
  requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    const lit = () => Boolean(document.querySelector('cs-input').field);
    port1.onmessage = () => done([performance.now() - start, lit()]);
    port2.postMessage(0);
  });
})"""
SUM = """([x, y]) => new Promise((done) => {
  const panel = document.querySelector('cs-maps .maps-scroll');
  const position = () => document.querySelector('cs-position');
  const before = position().position;
  const start = performance.now();
  panel.dispatchEvent(new PointerEvent('pointermove', { clientX: x, clientY: y, bubbles: true }));
  const look = () => {
    const now = position().position;
    const shown = now && now !== before && position().querySelector('.equation');
    if (shown) done(performance.now() - start);
    else requestAnimationFrame(look);
  };
  look();
})"""
DROP = """([content, name]) => new Promise((done) => {
  const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name, { type: 'image/png' }));
  const before = document.querySelector('cs-maps').own;
  const answer = document.querySelector('cs-prediction').prediction;
  const start = performance.now();
  const found = {};
  dispatchEvent(new DragEvent('drop', { dataTransfer, cancelable: true }));
  const look = () => {
    const own = document.querySelector('cs-maps').own;
    if (!found.maps && own && own !== before) found.maps = performance.now() - start;
    const now = document.querySelector('cs-prediction').prediction;
    if (!found.answer && now && now !== answer) found.answer = performance.now() - start;
    if (found.maps && found.answer) done([found.maps, found.answer]);
    else requestAnimationFrame(look);
  };
  look();
})"""
POINTS = """async (count) => {
  const { PointMap } = await import('./static/point-map.js');
  const place = document.createElement('div');
  place.className = 'space-place';
  for (const [name, value] of Object.entries({ position: 'fixed', inset: '0', zIndex: '9' }))
    place.style[name] = value;
  document.body.append(place);
  const data = new Float32Array(2 * count);
  let state = 1;
  const next = () => (state = (state * 48271) % 2147483647) / 2147483647 - 0.5;
  for (let i = 0; i < 2 * count; i++) data[i] = next() + next() + next() + 4 * ((i >> 1) % 10 === 0);
  const start = performance.now();
  const nothing = () => {};
  const map = new PointMap(place, { point: nothing, pick: nothing, choose: nothing });
  map.show({ positions: { data, shape: [count, 2] }, groups: Array.from({ length: count }, (_, i) => i % 10),
    thumbnail: null, lasso: false, selected: -1, chosen: [] });
  return performance.now() - start;
}"""


def write_digits(folder: Path, count: int, side: int) -> Path:
    """PNG files of handwritten digits, a folder for each class."""
    digits = load_digits()
    rng = np.random.default_rng(0)
    for number in range(count):
        row = number % len(digits.images)
        values = digits.images[row] * 15 + rng.normal(0, 6, (8, 8)) * (number >= len(digits.images))
        place = folder / str(digits.target[row])
        place.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).resize((side, side))
        picture.save(place / f"{number:06d}.png")
    return folder


def write_noise(folder: Path, count: int, side: int) -> Path:
    """PNG files of smooth noise in color, in two folders."""
    rng = np.random.default_rng(0)
    for number in range(count):
        place = folder / ("even" if number % 2 else "odd")
        place.mkdir(parents=True, exist_ok=True)
        values = rng.integers(0, 256, (side // 16, side // 16, 3), dtype=np.uint8)
        Image.fromarray(values).resize((side, side)).save(place / f"{number:04d}.png")
    return folder


def png(side: int, seed: int) -> str:
    """A picture that nobody has sent before, as base64."""
    values = np.random.default_rng([7, seed]).integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(values).resize((side, side)).save(file, "png")
    return base64.b64encode(file.getvalue()).decode()


def places(page: Page, count: int) -> list[tuple[float, float]]:
    """Points of the screen within maps, no two of them at one position."""
    box = page.locator("cs-maps .maps-scroll").bounding_box()
    assert box is not None
    found: list[tuple[float, float]] = []
    rng = np.random.default_rng(0)
    while len(found) < count:
        x, y = box["x"] + rng.random() * box["width"], box["y"] + rng.random() * box["height"]
        seen = page.evaluate(
            """([x, y]) => { const panel = document.querySelector('cs-maps .maps-scroll');
              panel.dispatchEvent(new PointerEvent('pointermove', { clientX: x, clientY: y, bubbles: true }));
              const hit = Boolean(document.querySelector('cs-maps').shown);
              panel.dispatchEvent(new PointerEvent('pointerleave', { bubbles: true })); return hit; }""",
            [x, y],
        )
        if seen:
            found.append((x, y))
    return found


def opened(chromium, served: Served):
    """A page of the studio with its first maps."""
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(120_000)
    page.add_init_script(WATCH)
    page.goto(served.link())
    page.wait_for_selector("cs-maps canvas")
    return page


def answer_figures(name: str, served: Served, side: int, repeats: int, target: float | None) -> list[Figure]:
    """First paint, hover, sum and dropped pictures of one model."""
    with browser() as chromium:
        page = opened(chromium, served)
        waited(page, "window.told.maps")
        paints, maps = [], []
        for _ in range(max(3, repeats // 4)):
            page.reload()
            page.wait_for_selector("cs-maps canvas")
            maps.append(waited(page, "window.told.maps"))
            paints.append(waited(page, PAINT))
        fields, sums = [], []
        for at in places(page, repeats):
            took, lit = page.evaluate(FIELD, at)
            assert lit
            fields.append(took)
            page.evaluate(
                "document.querySelector('cs-maps .maps-scroll').dispatchEvent("
                "new PointerEvent('pointerleave', { bubbles: true }))"
            )
            page.wait_for_timeout(50)
        for at in places(page, repeats):
            page.wait_for_timeout(150)
            sums.append(page.evaluate(SUM, at))
        dropped = []
        for number in range(repeats + 1):
            page.wait_for_timeout(100)
            dropped.append(page.evaluate(DROP, [png(side, number), f"{number}.png"]))
    drawn, answered = zip(*dropped[1:], strict=True)
    unit = "ms"
    return [
        Figure(f"{name}: first paint", statistics.median(paints), unit, None, "lower"),
        Figure(f"{name}: first maps", statistics.median(maps), unit, None, "lower"),
        Figure(f"{name}: pointer to field", statistics.median(fields), unit, None, "lower"),
        Figure(f"{name}: pointer at rest to sum", statistics.median(sums), unit, None, "lower"),
        Figure(f"{name}: first dropped picture to maps", dropped[0][0], unit, None, "lower"),
        Figure(f"{name}: dropped picture to maps", statistics.median(drawn), unit, target, "lower"),
        Figure(f"{name}: dropped picture to answer", statistics.median(answered), unit, target, "lower"),
    ]


def point_around(page: Page, x: float, y: float, step: int) -> None:
    """Moves the pointer a little."""
    page.mouse.move(x + step % 90, y + step % 40)


def many_maps_figures(served: Served) -> list[Figure]:
    """Frames a second over the 2,048 maps of the last layer of ResNet50: scrolled, and pointed at."""
    figures = []
    with browser() as chromium:
        page = opened(chromium, served)
        for size in ("usual", 12):
            sized = "" if size == "usual" else f"&size={size}"
            page.evaluate(f"() => {{ location.hash = '#s=0&l=conv5_block3_out{sized}'; }}")
            page.reload()
            waited(page, "window.told.maps")
            page.wait_for_timeout(500)
            count = page.evaluate("() => document.querySelector('cs-maps').own.channels")
            box = page.locator("cs-maps .maps-scroll").bounding_box()
            assert box is not None
            x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            page.mouse.move(x, y)
            title = f"{count:,} maps of {'the usual size' if size == 'usual' else f'{size} px'}"
            scrolled = frames_while(page, lambda step: page.mouse.wheel(0, 90 if step // 20 % 2 else -90))
            pointed = frames_while(page, partial(point_around, page, x, y))
            figures += [
                Figure(f"{title}: frames while scrolled", scrolled, "frames/s"),
                Figure(f"{title}: frames while pointed at", pointed, "frames/s"),
            ]
    return figures


def point_figures(served: Served) -> list[Figure]:
    """Frames a second of the map of features."""
    figures = []
    with browser() as chromium:
        for count in (NEAR, MANY):
            page = chromium.new_page(viewport={"width": 1280, "height": 800})
            page.goto(served.link())
            page.wait_for_selector("cs-studio")
            shown = page.evaluate(POINTS, count)
            rate = frames_while_dragged(page, 640, 400)
            figures += [
                Figure(f"map of {count:,} points: shown", shown, "ms", None, "lower"),
                Figure(f"map of {count:,} points: frames while dragged", rate, "frames/s"),
            ]
            page.close()
    return figures


def memory_figures(served: Served, selections: int) -> list[Figure]:
    """Memory of the server, which must not grow with what was looked at."""
    with httpx.Client(base_url=served.address, timeout=300) as client:
        client.get(served.link())
        rows = client.get("api/models/0/layers").json()["layers"]
        rows = [row for row in rows if row["maps"]]
        total = client.get("api/samples?count=1").json()["total"]
        rng = np.random.default_rng(0)
        taken = []
        for number in range(selections):
            row, sample = rows[number % len(rows)], int(rng.integers(total))
            path = f"api/models/0/samples/{sample}"
            at = ",".join(str(int(rng.integers(size))) for size in row["spatial"])
            assert client.get(f"{path}/layers/{row['id']}/maps.npy").status_code == 200
            if row["positions"]:
                query = {"channel": 0, "at": at}
                found = client.get(f"{path}/layers/{row['id']}/position", params=query)
                assert found.status_code == 200, found.text
            assert client.get(f"{path}/prediction").status_code == 200
            if number + 1 in (BEFORE, selections):
                taken.append(served.memory())
    grown = taken[-1] / taken[0]
    return [
        Figure(f"server after {BEFORE:,} selections", taken[0], "MiB", None, "lower"),
        Figure(f"server after {selections:,} selections", taken[-1], "MiB", None, "lower"),
        Figure(f"memory after {selections:,} selections against {BEFORE:,}", grown, "times", 1.05, "lower"),
    ]


def projection_figures(served: Served) -> list[Figure]:
    """How long samples take to be points, features and all."""
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(300_000)
        page.add_init_script(WATCH)
        page.goto(served.link())
        page.wait_for_selector("cs-maps")
        layers = page.evaluate("fetch('api/models/0/layers').then((reply) => reply.json())")["layers"]
        chosen = next(row["name"] for row in layers if row["type"] == "Dense")
        page.evaluate(f"location.hash = '#view=projection&s=0&l={chosen}'")
        figures = []
        for name in ("first time", "again"):
            page.reload()
            took = waited(page, "window.told.points")
            count = page.evaluate("document.querySelector('cs-projection').found.about.ids.length")
            title = f"feature space of {count:,} samples by PCA, {name}"
            figures.append(Figure(title, took / 1000, "s", None, "lower"))
        box = page.locator(".space-place").bounding_box()
        assert box is not None
        rate = frames_while_dragged(page, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        figures.append(Figure(f"feature space of {count:,} samples: frames while dragged", rate, "frames/s"))
    return figures


def main() -> None:
    """Measures what is asked for, prints it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    add_arguments(parser)
    arguments = parser.parse_args()
    repeats = REPEATS if arguments.quick else 4 * REPEATS
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        digits = write_digits(place / "digits", 300, 48)
        compact = trained(place / "compact", digits, "compact_cnn")
        if "answers" in arguments.parts:
            deep = trained(place / "deep", digits, "deep_cnn")
            resnet, noise = made_resnet(place / "resnet50.keras"), write_noise(place / "noise", 8, 224)
            for title, model, data, side, target in (
                ("compact_cnn", compact, digits, 48, TARGET_MILLISECONDS),
                ("deep_cnn", deep, digits, 48, TARGET_MILLISECONDS),
                ("ResNet50", resnet, noise, 224, None),
            ):
                with serving(model, data) as served:
                    ready = served.decoder_ready()
                    figures.append(Figure(f"{title}: page served", served.started, "s", None, "lower"))
                    figures.append(
                        Figure(f"{title}: process that decodes is ready", ready, "s", None, "lower")
                    )
                    figures += answer_figures(title, served, side, repeats, target)
                    if model is resnet:
                        figures += many_maps_figures(served)
        if "points" in arguments.parts:
            with serving(compact, digits) as served:
                figures += point_figures(served)
        if "memory" in arguments.parts:
            with serving(compact, digits) as served:
                figures += memory_figures(served, FEW_SELECTIONS if arguments.quick else SELECTIONS)
        if "peer" in arguments.parts:
            many = write_digits(place / "many", NEAR, 8)
            with serving("padded_cnn", many) as served:
                figures += projection_figures(served)
            figures += projector_figures(place / "logs", NEAR)
    print_table(figures)
    write_results(arguments.json, figures, SEEDS)


if __name__ == "__main__":
    main()
