"""A client of a studio that serves on a real port, and what its answers hold."""

import io
from contextlib import contextmanager

import httpx
import numpy as np


@contextmanager
def let_in(studio):
    """A client that has exchanged a link for the cookie, as the page's browser does."""
    origin = {"Origin": studio.address.rstrip("/")}
    with httpx.Client(base_url=studio.address, timeout=300, headers=origin) as client:
        assert client.get(studio.link()).status_code == 200
        yield client


def array_of(response):
    assert response.status_code == 200, response.text
    return np.load(io.BytesIO(response.content), allow_pickle=False)


def json_of(response):
    assert response.status_code == 200, response.text
    return response.json()


def npy(values):
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()
