"""Batches follow from seed, epoch and step alone; reading ahead changes nothing."""

import itertools
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convscope.data.token_rows import TokenRows
from convscope.engine.device import backend_file
from convscope.engine.inference.infer import BATCH, predict_probabilities
from convscope.engine.training.batches import BUCKET, Batches, Prefetched
from convscope.engine.training.class_examples import ClassExamples, balanced_weights


class Squared:
    """Positions and their squares."""

    lengths = None

    def __init__(self, count):
        self._count = count

    def __len__(self):
        return self._count

    def batch(self, indices, rng):
        return indices, indices**2


class Numbers:
    """Samples that are their own position."""

    def __init__(self, count):
        self._count = count

    def __len__(self):
        return self._count

    def take(self, indices):
        return np.asarray(indices)[:, None].astype(np.int64)


def as_float(values):
    return values.astype(np.float32)


def jitter(values, rng):
    return values * 1000 + rng.integers(0, 1000, values.shape)


def numbers(count=23, batch_size=5, seed=0, **options):
    examples = ClassExamples(Numbers(count), as_float, np.arange(count) % 3, 3, **options)
    return Batches(examples, batch_size, seed)


def first(source, epoch, batches):
    return list(itertools.islice(source.shuffled(epoch), batches))


def same(left, right):
    return len(left) == len(right) and all(
        np.array_equal(a, b)
        for one, two in zip(left, right, strict=True)
        for a, b in zip(one, two, strict=True)
    )


def test_an_epoch_shows_every_sample_in_batches_of_one_size():
    source = numbers()
    for epoch in range(3):
        batches = first(source, epoch, source.steps)
        assert {inputs.shape for inputs, _ in batches} == {(5, 1)}
        assert {targets.shape for _, targets in batches} == {(5, 3)}
        seen = np.concatenate([inputs[:, 0] for inputs, _ in batches]).astype(int)
        assert len(seen) == 25
        assert set(seen) == set(range(23))
        assert seen[23:].tolist() == seen[:2].tolist()


@given(st.integers(1, 60), st.integers(1, 70), st.integers(0, 2**31 - 1))
def test_whatever_the_sizes_an_epoch_shows_every_sample(count, batch_size, seed):
    source = numbers(count, batch_size, seed)
    batches = first(source, 0, source.steps)
    assert {len(inputs) for inputs, _ in batches} == {min(count, batch_size)}
    assert set(np.concatenate([inputs[:, 0] for inputs, _ in batches])) == set(range(count))


def test_targets_are_the_labels_of_the_inputs():
    for inputs, targets in first(numbers(), 0, 10):
        assert targets.dtype == np.float32
        np.testing.assert_array_equal(targets.argmax(axis=1), inputs[:, 0].astype(int) % 3)
        np.testing.assert_array_equal(targets.sum(axis=1), 1)


def test_the_order_depends_only_on_seed_and_epoch():
    assert same(first(numbers(), 0, 20), first(numbers(), 0, 20))
    assert not same(first(numbers(seed=0), 0, 5), first(numbers(seed=1), 0, 5))
    assert not same(first(numbers(), 0, 5), first(numbers(), 1, 5))


@pytest.mark.parametrize("augment", [None, jitter])
@pytest.mark.parametrize("epoch", [1, 4])
def test_beginning_at_an_epoch_is_the_same_as_reading_up_to_it(augment, epoch):
    source = numbers(augment=augment)
    through = first(source, 0, source.steps * (epoch + 1))
    assert same(through[source.steps * epoch :], first(source, epoch, source.steps))


def test_augmentation_differs_from_step_to_step_and_epoch_to_epoch():
    source = numbers(4, 4, augment=jitter)
    drawn = [np.sort(inputs[:, 0] % 1000) for inputs, _ in first(source, 0, 12)]
    assert len({tuple(values) for values in drawn}) == 12


def test_once_gives_all_samples_in_order_unchanged():
    batches = list(numbers(augment=jitter, class_weights=np.ones(3, np.float32)).ordered())
    assert {len(batch) for batch in batches} == {2}
    assert [len(inputs) for inputs, _ in batches] == [5, 5, 5, 5, 3]
    np.testing.assert_array_equal(np.concatenate([inputs for inputs, _ in batches])[:, 0], np.arange(23))


def test_class_weights_travel_with_their_samples():
    weights = np.array([1, 2, 4], np.float32)
    for inputs, _, given_weights in first(numbers(class_weights=weights), 0, 5):
        np.testing.assert_array_equal(given_weights, weights[inputs[:, 0].astype(int) % 3])


def test_balanced_weights_make_every_class_count_alike():
    labels = np.array([0] * 6 + [1] * 3 + [2])
    weights = balanced_weights(labels, 4)
    assert weights.dtype == np.float32
    np.testing.assert_allclose(np.bincount(labels, weights[labels])[:3], 10 / 4)
    assert np.isfinite(weights).all()


def test_reading_ahead_keeps_the_order():
    assert list(Prefetched(iter(range(50)), ahead=3)) == list(range(50))


def test_reading_ahead_ends_for_good():
    ahead = Prefetched(iter([1]))
    assert list(ahead) == [1]
    assert list(ahead) == []
    ahead.close()


def test_an_error_is_raised_where_the_items_are_read_and_again():
    def broken():
        yield 1
        raise ValueError("no more")

    ahead = Prefetched(broken())
    assert next(ahead) == 1
    for _ in range(2):
        with pytest.raises(ValueError, match="no more"):
            next(ahead)
    ahead.close()


def test_no_more_than_a_few_items_wait():
    made = []

    def counted():
        for i in itertools.count():
            made.append(i)
            yield i

    ahead = Prefetched(counted(), ahead=4)
    next(ahead)
    time.sleep(0.1)
    assert len(made) <= 1 + 4 + 1
    ahead.close()


@pytest.mark.timeout(20)
@pytest.mark.parametrize("read", [0, 1, 10])
@pytest.mark.parametrize("items", [3, 10, None])
def test_closing_ends_the_thread_and_whoever_reads(read, items):
    ahead = Prefetched(itertools.count() if items is None else iter(range(items)), ahead=2)
    list(itertools.islice(ahead, read))
    ahead.close()
    ahead.close()
    assert not ahead._thread.is_alive()
    assert list(ahead) == []


@pytest.mark.timeout(20)
def test_closing_wakes_a_reader_that_waits():
    gate = threading.Event()

    def slow():
        gate.wait()
        yield from ()

    ahead = Prefetched(slow())
    read = []
    reader = threading.Thread(target=lambda: read.append(list(ahead)))
    reader.start()
    gate.set()
    ahead.close()
    reader.join(10)
    assert read == [[]]


class Doubled:
    """A model of one line that remembers the sizes of its batches."""

    output_shape, layers = (None, 1), ()

    def __init__(self):
        self.sizes = []

    def _flatten_layers(self, include_self=True):
        return self.layers

    def predict_on_batch(self, batch):
        self.sizes.append(len(batch))
        return batch * 2


@pytest.mark.parametrize("count", [0, 1, 5, BATCH, BATCH + 1, 2 * BATCH + 7])
def test_answers_come_in_order_from_batches_of_one_size(count):
    model, told = Doubled(), []
    answers = predict_probabilities(model, Numbers(count), as_float, lambda *step: told.append(step))
    assert answers.dtype == np.float32
    np.testing.assert_array_equal(answers, 2.0 * np.arange(count)[:, None])
    assert len(set(model.sizes)) <= 1
    assert not told or told[-1] == (count, count, "predicting")


def test_an_error_while_answering_leaves_no_thread_behind():
    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_probabilities(Doubled(), Numbers(20 * BATCH), as_float, stop)
    assert not [thread for thread in threading.enumerate() if thread.name == "source"]


def test_mixing_blends_inputs_targets_and_weights_by_one_share():
    weights = np.array([1, 2, 4], np.float32)
    plain = first(numbers(class_weights=weights), 0, 5)
    mixed = first(numbers(class_weights=weights, mixing=0.5), 0, 5)
    shares = []
    for (x, y, w), (mixed_x, mixed_y, mixed_w) in zip(plain, mixed, strict=True):
        before = np.roll(x, 1, axis=0)
        share = ((mixed_x - before) / (x - before))[:, 0]
        shares += share.tolist()
        assert np.all((share > -1e-5) & (share < 1 + 1e-5))
        blended = share[:, None] * y + (1 - share[:, None]) * np.roll(y, 1, axis=0)
        np.testing.assert_allclose(mixed_y, blended, atol=1e-4)
        np.testing.assert_allclose(mixed_w, share * w + (1 - share) * np.roll(w, 1), rtol=1e-4)
    assert len(set(shares)) == len(shares)


def test_mixing_is_for_training_alone_and_follows_from_the_seed():
    mixed = numbers(mixing=0.5)
    assert same(list(mixed.ordered()), list(numbers().ordered()))
    assert same(first(mixed, 1, 4), first(numbers(mixing=0.5), 1, 4))
    assert not same(first(mixed, 0, 4), first(numbers(mixing=0.5, seed=1), 0, 4))


def test_an_answer_is_the_mean_over_the_views_of_a_sample():
    views = (lambda values: values + 3, lambda values: values * 0)
    count = BATCH + 2
    answers = predict_probabilities(Doubled(), Numbers(count), as_float, views=views)
    plain = 2.0 * np.arange(count)[:, None]
    np.testing.assert_allclose(answers, (plain + (plain + 6) + 0) / 3, rtol=1e-6)
    assert answers.dtype == np.float32


def texts(count=1000, batch_size=16, seed=0):
    """Rows of their own number, once for each position."""
    lengths = 1 + np.random.default_rng(5).integers(0, 90, count)
    rows = TokenRows.of([2 + number] * length for number, length in enumerate(lengths))
    examples = ClassExamples(rows, lambda ids: ids, np.arange(count) % 3, 3)
    return Batches(examples, batch_size, seed), lengths


def test_an_epoch_of_texts_shows_every_one_beside_others_of_its_length():
    source, _ = texts()
    assert source.ragged
    batches = first(source, 0, source.steps)
    seen = np.concatenate([ids[:, 0] - 2 for ids, _ in batches])
    assert sorted(set(seen)) == list(range(1000))
    assert len(seen) == source.steps * 16
    padding = 1 - np.mean([np.mean(ids != 0) for ids, _ in batches])
    assert padding < 0.25
    longest = [ids.shape[1] for ids, _ in batches]
    assert longest != sorted(longest)
    assert source.steps < BUCKET


def test_texts_come_in_the_same_order_for_one_seed_and_in_another_for_the_next_epoch():
    source, _ = texts()
    assert same(first(source, 3, 70), first(source, 3, 70))
    assert same(first(source, 2, 2 * source.steps)[source.steps :], first(source, 3, source.steps))
    assert not same(first(source, 2, 3), first(source, 3, 3))


def test_answers_for_texts_of_any_length_come_in_the_order_asked():
    source, lengths = texts(2 * BATCH + 3)

    class Length:
        output_shape, layers = (None, 1), ()

        def _flatten_layers(self, include_self=True):
            return self.layers

        def predict_on_batch(self, ids):
            return (ids != 0).sum(axis=1, keepdims=True).astype(np.float32)

    answers = predict_probabilities(Length(), source.examples.inputs, lambda ids: ids)
    np.testing.assert_array_equal(answers[:, 0], lengths)


class Whole(Squared):
    is_whole = True


def test_batches_that_always_take_the_whole_are_made_once():
    whole = Whole(6)
    assert Batches(whole, 4).constant is None
    assert Batches(Squared(6), 6).constant is None
    inputs, targets = Batches(whole, 6).constant
    assert inputs.tolist() == [0, 1, 2, 3, 4, 5]
    assert targets.tolist() == [0, 1, 4, 9, 16, 25]
    made = backend_file().repeated((inputs, targets), 2)
    assert len(list(made)) == 2
