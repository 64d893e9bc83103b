"""How an extra is installed from where the package is."""

import json

import pytest

from convscope.errors import install_command

PLACES = (
    (None, 'pip install "convscope[text]"'),
    (
        {"url": "file:///home/me/convscope", "dir_info": {"editable": True}},
        'pip install -e "/home/me/convscope[text]"',
    ),
    ({"url": "file:///home/me/convscope", "dir_info": {}}, 'pip install "/home/me/convscope[text]"'),
    (
        {"url": "https://host/convscope", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
        'pip install "convscope[text] @ git+https://host/convscope@abc"',
    ),
    ({"url": "https://host/convscope.whl", "archive_info": {}}, 'pip install "convscope[text]"'),
)


@pytest.mark.parametrize(("origin", "command"), PLACES)
def test_an_extra_is_installed_from_where_the_package_is(origin, command, monkeypatch):
    class Installed:
        def read_text(self, name):
            assert name == "direct_url.json"
            return None if origin is None else json.dumps(origin)

    monkeypatch.setattr("importlib.metadata.distribution", lambda name: Installed())
    assert install_command("text") == command
