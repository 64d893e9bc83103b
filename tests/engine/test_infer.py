"""Batches that are answered at the same time come back in order, and as they are answered one by one."""

import threading
from contextlib import nullcontext

import keras
import numpy as np
import pytest
from keras import layers

from convscope.engine.inference import infer as module
from convscope.engine.inference.infer import predict_batches


def model():
    keras.utils.set_random_seed(0)
    x = keras.Input((None, 3))
    features = layers.Conv1D(4, 3, padding="same", name="it")(x)
    return keras.Model(x, [features, layers.GlobalMaxPooling1D()(features)])


def batches(count=9):
    rng = np.random.default_rng(0)
    return [
        rng.standard_normal((2 + number % 3, 4 + number, 3)).astype(np.float32) for number in range(count)
    ]


def test_answers_come_in_order_and_are_those_of_the_model(backend):
    made, given = model(), batches()
    found = list(predict_batches(made, iter(given)))
    assert len(found) == len(given)
    for (maps, largest), x in zip(found, given, strict=True):
        expected = [np.asarray(each) for each in made.predict_on_batch(x)]
        np.testing.assert_allclose(maps, expected[0], atol=1e-6)
        np.testing.assert_allclose(largest, expected[1], atol=1e-6)


class Recorder:
    """Answers with what it is given, and knows in which threads."""

    layers = ()

    def __init__(self, fails_at=None):
        self.threads, self.fails_at = set(), fails_at

    def predict_on_batch(self, batch):
        self.threads.add(threading.get_ident())
        if batch == self.fails_at:
            raise ValueError(f"batch {batch}")
        return np.array([batch])


class File:
    def __init__(self, threads):
        self.threads = threads

    def prediction_threads(self, cores):
        return self.threads

    def accelerated(self, model):
        return nullcontext()


@pytest.fixture(params=[1, 3])
def threads(request, monkeypatch):
    monkeypatch.setattr(module, "backend_file", lambda: File(request.param))
    return request.param


def test_one_thread_is_this_one(threads):
    recorder = Recorder()
    assert [int(found[0][0]) for found in predict_batches(recorder, range(20))] == list(range(20))
    assert (recorder.threads == {threading.get_ident()}) == (threads == 1)


def test_a_failure_is_raised_and_ends_the_threads(threads):
    before = threading.active_count()
    found = []
    with pytest.raises(ValueError, match="batch 7"):
        found.extend(int(each[0][0]) for each in predict_batches(Recorder(fails_at=7), range(1000)))
    assert found == list(range(7))[: len(found)]
    assert threading.active_count() == before


def test_whoever_stops_early_leaves_no_thread(threads):
    before, read = threading.active_count(), []

    def endless():
        while True:
            read.append(len(read))
            yield read[-1]

    asked = predict_batches(Recorder(), endless())
    assert [int(next(asked)[0][0]) for _ in range(5)] == list(range(5))
    asked.close()
    assert threading.active_count() == before
    assert len(read) <= 5 + threads
