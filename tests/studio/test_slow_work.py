"""Slow work holds up nobody: attributions go in steps, points are placed in a process that can be ended."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest

from convscope.errors import UsageError
from convscope.features.projection import placed_on_plane
from convscope.studio.placer import Placer
from convscope.studio.worker import Computation
from convscope.workflows.inspect.attribution import explained

SECONDS = 60


@pytest.fixture(scope="module")
def clouds():
    """Three clouds in 8 dimensions, 60 samples."""
    rng = np.random.default_rng(0)
    return (rng.normal(size=(60, 8)) + 6 * (np.arange(60) % 3)[:, None]).astype(np.float32)


@pytest.fixture
def placer():
    found = Placer()
    yield found
    found.close()


def test_an_occlusion_lets_other_passes_through_and_finds_the_same(studio):
    """Whoever points at a map meanwhile is answered between two steps, by the same model."""
    session = studio.session
    model = session.model("0")
    inputs, rows = session.samples.rows_of("0")
    worker, order, asked = session.worker, [], []

    def computed(work, **options):
        """By the studio's worker, which alone computes with its models."""
        return worker.submit(Computation(work, **options))

    observed = computed(lambda progress: model.observe(inputs, int(rows[0]))).future.result(SECONDS)

    def ask(done, total, what):
        """At each of the first steps somebody wants the maps of another sample."""
        if len(asked) < 3:
            place = int(rows[1 + len(asked)])
            asked.append(computed(lambda progress: model.observe(inputs, place)))
        order.append([job.future.done() for job in asked])

    def occlude(progress):
        return explained(
            model.model, observed.graph, observed.x, "occlusion", batch_size=16, progress=progress
        )

    found = computed(occlude, slow=True, progress=ask).future.result(SECONDS)[0].values
    alone = computed(occlude).future.result(SECONDS)[0].values
    np.testing.assert_allclose(found, alone, atol=1e-6)
    assert order[1][0]
    assert order[3] == [True, True, True]
    for job, row in zip(asked, rows[1:4], strict=True):
        again = computed(lambda progress, row=row: model.observe(inputs, int(row))).future.result(SECONDS)
        for one, other in zip(job.future.result(0).recording.values(), again.recording.values(), strict=True):
            np.testing.assert_allclose(one.array, other.array, atol=1e-6)


def test_the_excitation_of_a_channel_goes_in_steps(studio):
    from convscope.scope.channels.kernels import kernels

    steps = []

    def excite(progress):
        return kernels(model, "block1_conv", excite=[1], steps=6, progress=progress)

    def note(done, total, what):
        steps.append((done, total))

    model, worker = studio.session.model("0").model, studio.session.worker
    found = worker.submit(Computation(excite, slow=True, progress=note)).future.result(SECONDS)
    assert steps == [(number, 6) for number in range(1, 7)]
    again = worker.submit(Computation(excite)).future.result(SECONDS)
    np.testing.assert_array_equal(found.excitations, again.excitations)


def test_a_step_has_fewer_samples_the_more_a_model_computes(studio):
    model = studio.session.model("0")
    cost = model.explanation.multiply_adds
    assert model.at_once(64) == 64
    assert model.at_once(10**9) == 4 * 10**9 // cost


def test_points_are_those_of_the_library(placer, clouds):
    for method in ("pca", "tsne"):
        placement = placer.wanted(method, clouds, method, 3)
        points, explained_shares = placement.future.result(SECONDS)
        placer.leave(placement)
        expected, shares = placed_on_plane(clouds, method, 3)
        np.testing.assert_allclose(points, expected, atol=1e-4)
        assert explained_shares == shares


def test_a_placement_that_nobody_waits_for_is_ended(placer):
    many = np.random.default_rng(0).normal(size=(6000, 40)).astype(np.float32)
    first = placer.wanted("many", many, "tsne", 0)
    second = placer.wanted("many", many, "tsne", 0)
    assert first is second
    end = time.monotonic() + SECONDS
    while placer._process is None and time.monotonic() < end:
        time.sleep(0.01)
    process = placer._process.pid
    placer.leave(first)
    assert placer._process is not None  # the other one still waits
    placer.leave(second)
    assert placer._process is None
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    few = many[:30]
    after = placer.wanted("few", few, "tsne", 0)
    assert after.future.result(SECONDS)[0].shape == (30, 2)
    placer.leave(after)


def test_too_few_samples_are_told_as_everywhere(placer, clouds):
    placement = placer.wanted("three", clouds[:3], "tsne", 0)
    with pytest.raises(UsageError, match="must be at least 5"):
        placement.future.result(SECONDS)
    placer.leave(placement)


def test_a_process_that_fails_is_told_and_followed_by_another(placer, clouds):
    placement = placer.wanted("a", np.repeat(clouds, 60, axis=0), "tsne", 0)
    end = time.monotonic() + SECONDS
    while placer._process is None and time.monotonic() < end:
        time.sleep(0.01)
    placer._process.kill()
    with pytest.raises(UsageError, match="has ended"):
        placement.future.result(SECONDS)
    placer.leave(placement)
    again = placer.wanted("b", clouds, "tsne", 0)
    assert len(again.future.result(SECONDS)[0]) == len(clouds)
    placer.leave(again)


def test_a_page_that_leaves_ends_its_tsne(studio, client):
    """The connection is closed in the middle; the process that placed points is gone, and answers go on."""
    import httpx

    placer, before = studio.session.placer, threading.active_count()
    layers = client.get("api/models/0/layers").json()["layers"]
    layer = next(row["id"] for row in layers if row["type"] == "Dense")
    with httpx.Client(base_url=studio.address, cookies=client.cookies, timeout=0.4) as impatient:
        path = f"api/models/0/layers/{layer}/projection.npy?method=tsne&seed=7"
        with pytest.raises(httpx.ReadTimeout):
            impatient.get(path)
    end = time.monotonic() + SECONDS
    while (placer._running or placer._wanted) and time.monotonic() < end:
        time.sleep(0.02)
    assert not placer._wanted
    assert client.get("api/state").status_code == 200
    assert threading.active_count() <= before + 8  # what serves requests stays for others
