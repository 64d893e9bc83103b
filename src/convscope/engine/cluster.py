"""Connections to a Ray cluster, for all that runs on several machines."""

from __future__ import annotations

import logging
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from convscope.errors import BackendError, RunError, install_command

LOCAL = "local"
ANSWER_SECONDS = 10
_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # reports nothing of the user to anyone
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # what Ray is going to do by default
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # lost workers are started again, which is no error
}


def ray_package() -> ModuleType:
    """The package `ray`, with `ray.data`.

    Raises:
        BackendError: It is not installed.
    """
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise BackendError(
            "--cluster runs on the package ray.", f"Install it: {install_command('cluster')}"
        ) from error
    package: ModuleType = ray
    return package


def check_cluster(address: str) -> None:
    """Fails at once where what runs on it would fail after the data has been read.

    Args:
        address: Of the cluster, such as `10.0.0.1:6379` or `auto`; `local` starts one on this machine.

    Raises:
        BackendError: Ray is not installed.
        RunError: Nothing answers at the address.
    """
    ray_package()
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit():
        return
    try:  # Ray itself waits for minutes
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise _no_answer(address, error) from error


@contextmanager
def connected(ray: ModuleType, address: str) -> Iterator[None]:
    """Joins a cluster, or starts one on this machine, unless this process is in one already."""
    if ray.is_initialized():
        yield
        return
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == LOCAL:
        options |= {"num_cpus": max(2, os.cpu_count() or 1), "include_dashboard": False}
    try:
        with warnings.catch_warnings():  # JAX warns of any new process, also of those with another program
            warnings.filterwarnings("ignore", r"os\.fork\(\) was called", RuntimeWarning)
            ray.init(address=address, **options)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise _no_answer(address, error) from error
    try:
        yield
    finally:
        ray.shutdown()


def _no_answer(address: str, error: Exception) -> RunError:
    first = str(error).strip().partition("\n")[0].rstrip(".")
    return RunError(
        f"No Ray cluster answers at '{address}': {first}.",
        "Start one with `ray start --head`, set RAY_AUTH_MODE=token if it asks for a token, or give "
        "--cluster local.",
    )
