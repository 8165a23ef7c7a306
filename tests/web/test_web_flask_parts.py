"""Flask without its command line and server, which are there for whoever asks."""

from __future__ import annotations

from pathlib import Path

import flask
import pytest
from web_station import Station

from tests.support.fresh_interpreter import run

ROOT = Path(__file__).resolve().parents[2]


def test_the_pages_do_not_load_what_a_daemon_never_uses() -> None:
    run(
        "import sys, btrmd.servers.web.server, btrmd.servers.web.app\n"
        "unwanted = {'click.core', 'werkzeug.serving', 'werkzeug.test', 'flask.cli',\n"
        "            'http.server', 'html.entities', 'zipfile', 'importlib.metadata'}\n"
        "assert not unwanted & set(sys.modules), unwanted & set(sys.modules)\n"
    )


def test_who_asks_flask_for_the_rest_gets_it() -> None:
    run(
        "import btrmd.servers.web.flask_parts as parts\n"
        "parts.import_flask()\n"
        "import click, flask, werkzeug\n"
        "app = flask.Flask('test')\n"
        "app.register_blueprint(flask.Blueprint('part', 'test'))\n"
        "app.add_url_rule('/', view_func=lambda: 'served')\n"
        "assert app.test_client().get('/').text == 'served'\n"
        "assert werkzeug.run_simple and click.command and click.Group\n"
        "import flask.cli\n"
        "assert flask.cli.AppGroup is not parts.CommandGroup\n"
    )


def test_flask_that_is_there_already_is_left_alone() -> None:
    run(
        "import flask, flask.cli, werkzeug.serving\n"
        "real = flask.cli.AppGroup, werkzeug.serving.is_running_from_reloader\n"
        "import btrmd.servers.web.server\n"
        "assert real == (flask.cli.AppGroup, werkzeug.serving.is_running_from_reloader)\n"
        "assert type(flask.Flask('test').cli) is real[0]\n"
    )


def test_paths_are_written_out_and_none_is_built_from_its_route(station: Station) -> None:
    """So that nothing is compiled for it; a page that asked for one would fail."""
    app = station.server.app
    assert {type(rule).__name__ for rule in app.url_map.iter_rules()} == {"_MatchedRule"}
    assert not [
        path
        for path in (ROOT / "btrmd/servers/web").rglob("*")
        if path.suffix in (".py", ".html", ".xml") and "url_for(" in path.read_text()
    ]
    with app.test_request_context(), pytest.raises(NotImplementedError, match="written out"):
        flask.url_for(next(app.url_map.iter_rules()).endpoint)
