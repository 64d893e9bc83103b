"""One computation at a time: quick ones between the steps of slow ones, none that nobody waits for."""

import threading

import pytest

from convscope.studio.worker import AbandonedError, Computation, Worker


@pytest.fixture
def worker():
    made = Worker()
    yield made
    made.close()


def test_results_and_errors_arrive(worker):
    def fail(progress):
        raise ValueError("no")

    assert worker.submit(Computation(lambda progress: 3)).future.result(5) == 3
    with pytest.raises(ValueError, match="no"):
        worker.submit(Computation(fail)).future.result(5)


def test_quick_ones_are_served_between_the_steps_of_a_slow_one(worker):
    order, begun, go = [], threading.Event(), threading.Event()

    def work(progress):
        begun.set()
        go.wait(5)
        for step in range(3):
            order.append(f"step {step}")
            progress(step, 3, "steps")
        return "slow"

    slow = worker.submit(Computation(work, slow=True))
    begun.wait(5)
    quick = worker.submit(Computation(lambda progress: order.append("quick")))
    go.set()
    assert slow.future.result(5) == "slow"
    assert quick.future.done()
    assert order == ["step 0", "quick", "step 1", "step 2"]


def test_a_slow_one_ends_at_its_next_step_when_nobody_waits(worker):
    begun, go, steps = threading.Event(), threading.Event(), []

    def work(progress):
        begun.set()
        go.wait(5)
        for step in range(100):
            steps.append(step)
            progress(step, 100, "steps")

    slow = worker.submit(Computation(work, slow=True))
    begun.wait(5)
    slow.abandon()
    go.set()
    with pytest.raises(AbandonedError):
        slow.future.result(5)
    assert steps == [0]


def test_one_that_has_not_begun_does_not_begin(worker):
    begun, go, ran = threading.Event(), threading.Event(), []

    def hold(progress):
        begun.set()
        go.wait(5)

    first = worker.submit(Computation(hold))
    begun.wait(5)
    second = worker.submit(Computation(lambda progress: ran.append("second")))
    second.abandon()
    go.set()
    first.future.result(5)
    worker.submit(Computation(lambda progress: None)).future.result(5)
    assert ran == []


def test_a_closed_worker_takes_nothing(worker):
    worker.close()
    with pytest.raises(AbandonedError):
        worker.submit(Computation(lambda progress: None))
