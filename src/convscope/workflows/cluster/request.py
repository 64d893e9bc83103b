"""On which cluster a training is to run, checked before Keras is imported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convscope.backend import choose_jax
from convscope.engine.cluster import LOCAL, check_cluster
from convscope.errors import UsageError
from convscope.option import Option, at_least, validated

if TYPE_CHECKING:
    import keras

    from convscope.kinds.contract.kind import RecipeSpec

LOCAL_WORKERS = 2
CLUSTER = Option("cluster", str, None, "Ray cluster to train on: its address, or local", common=True)
WORKERS = Option(
    "workers",
    int,
    None,
    f"Number of processes that share each batch (--cluster); {LOCAL_WORKERS} by default with local, else one"
    " for each GPU, or for each machine of a cluster without any",
    at_least(1),
)


@dataclass(frozen=True)
class Cluster:
    """Where a training is to run.

    Args:
        address: Of a Ray cluster, or `local`, which starts one on this machine.
        workers: Processes that train together; None takes as many as there are GPUs or machines.
    """

    address: str
    workers: int | None = None

    @property
    def machines(self) -> int:
        """Among how many machines the memory for a step is divided, as far as that is known beforehand."""
        return 1 if self.address == LOCAL else self.workers or 1

    @property
    def flags(self) -> str:
        """The options that name it, for a command line."""
        count = "" if self.workers is None else f" --workers {self.workers}"
        return f"--cluster {self.address}{count}"


def cluster_asked(address: str | None, workers: int | None) -> Cluster | None:
    """Where a training is to run; None where it runs in this process.

    Raises:
        UsageError: A value that cannot work, or workers without a cluster.
    """
    asked = {"cluster": address, "workers": workers}
    validated(
        (CLUSTER, WORKERS), {name: value for name, value in asked.items() if value is not None}, "train"
    )
    if address is None:
        if workers is not None:
            raise UsageError(
                f"--workers {workers} needs a cluster.",
                f"Give one: --cluster {LOCAL} for this machine, or the address of a Ray cluster.",
            )
        return None
    return Cluster(address, workers or (LOCAL_WORKERS if address == LOCAL else None))


def check_on_cluster(
    cluster: Cluster,
    spec: RecipeSpec | None = None,
    cross_validates: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Refuses what cannot be trained on a cluster, and chooses the backend that can be.

    Args:
        cluster: Where.
        spec: The recipe, where it is known.
        cross_validates: Whether it is a cross-validation.
        callbacks: Of Keras.

    Raises:
        UsageError: A recipe that trains nothing, folds or callbacks.
        BackendError: Ray or JAX is not installed, or Keras runs on another backend.
        RunError: Nothing answers at the address.
    """
    if spec is not None and spec.describes:
        raise UsageError(
            f"{spec.name} describes its data, without a training that workers could share.",
            "Leave --cluster out.",
        )
    if cross_validates:
        raise UsageError(
            "A cross-validation does not run on a cluster.",
            "Leave --cluster out; or leave --folds out, for a single training.",
        )
    if callbacks:
        raise UsageError(
            f"A training on a cluster does not support callbacks. Received: {len(callbacks)} callbacks.",
            "Leave `callbacks` or `cluster` out.",
        )
    choose_jax()
    check_cluster(cluster.address)
