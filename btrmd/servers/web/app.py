"""The application: puts routes, gate, headers and errors together into one Flask app."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import IntegerConverter, Rule

from . import openapi, template_cache
from .about_page import about_routes
from .answers import answer_json, compress, refuse
from .api_change import change_routes
from .api_read import read_routes
from .assets import Assets
from .authorization_page import authorization_routes
from .backup_page import backup_routes
from .bodies import MAX_BODY, BodyError
from .cors import Cors
from .email_test_page import email_test_routes
from .form_page import form_routes
from .gate import Gate
from .headers import SECURITY_HEADERS
from .help_page import help_routes
from .history_routes import history_routes
from .https_only import HttpsOnly, hsts
from .https_page import https_routes
from .manual_test_page import manual_test_routes
from .menu import make_menu
from .mib_page import mib_routes
from .network_page import network_routes
from .pages import Pages, page_routes
from .routes import Route, RouteAccess, is_api_path
from .search_page import search_routes
from .security_txt import security_routes
from .send_test import send_test_routes
from .services import Services
from .status_views import status_routes
from .tests_csv import tests_csv_routes
from .update_page import update_api, update_routes
from .wording import use_zone

log = logging.getLogger(__name__)


def create_app(services: Services) -> Flask:
    """The WSGI application; every route passes the gate."""
    folder = str(template_cache.TEMPLATES)
    app = Flask("btrmd.servers.web", static_folder=None, template_folder=folder)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY, PROVIDE_AUTOMATIC_OPTIONS=False)
    template_cache.set_up(app)
    assets = Assets()
    app.jinja_env.globals["asset"] = assets.url
    app.jinja_env.globals["inline"] = assets.inline
    pages = Pages(services)
    app.url_map.converters["int"] = _AsciiNumber
    app.url_rule_class = _MatchedRule
    routes = _all_routes(services, assets, pages)
    for route in routes:
        app.add_url_rule(
            route.path,
            route.endpoint,
            route.view,
            methods=[route.method],
            strict_slashes=False,
        )
    pages.menu = make_menu({route.path for route in routes if route.method == "GET"})
    gate = Gate(
        services.bus,
        routes,
        services.sessions,
        services.accounts,
        services.tokens,
        services.bearers,
        services.kept,
        services.tell,
    )
    app.before_request(lambda: services.bus.asked("http"))
    app.before_request(lambda: use_zone(services.bus.snapshot.settings.text("site.timezone")))
    app.before_request(HttpsOnly(services.bus).check)
    cors = Cors(services.bus)
    app.before_request(cors.preflight)
    app.before_request(gate.check)
    app.after_request(compress)
    app.after_request(_Headers(services))
    app.after_request(cors.mark)
    _handle_errors(app, pages)
    return app


def _all_routes(services: Services, assets: Assets, pages: Pages) -> Sequence[Route]:
    api = [
        *read_routes(services),
        *tests_csv_routes(services),
        *change_routes(services),
        *update_api(services),
    ]

    def describe() -> Response:
        return answer_json(openapi.describe(api, services.version))

    path = "/api/v1/openapi.json"
    summary = "This description"
    api.append(Route("GET", path, describe, RouteAccess.DATA, summary, "Description"))
    files = Route("GET", "/static/<path:name>", assets.serve, RouteAccess.PUBLIC)
    makers = (
        page_routes,
        status_routes,
        history_routes,
        form_routes,
        manual_test_routes,
        email_test_routes,
        mib_routes,
        send_test_routes,
        help_routes,
        authorization_routes,
        about_routes,
        https_routes,
        network_routes,
        update_routes,
        backup_routes,
        search_routes,
    )
    return (
        *api,
        files,
        *security_routes(services),
        *(route for make in makers for route in make(pages)),
    )


class _AsciiNumber(IntegerConverter):
    """A number in a path; the converter's own pattern takes the digits of every script."""

    regex = "[0-9]{1,18}"


class _MatchedRule(Rule):
    """A route that paths are matched with, and that none is built from: no page asks for url_for.

    Werkzeug writes and compiles two functions that build its paths, for each of a hundred routes:
    that is more than half of the time in which the application is made.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        return _build_nothing


def _build_nothing(rule: Rule, **values: object) -> tuple[str, str]:
    raise NotImplementedError(f"{rule.rule}: paths are written out, not built")


class _Headers:
    """After a request: what every answer carries."""

    def __init__(self, services: Services) -> None:
        self._tokens = services.tokens
        self._bus = services.bus

    def __call__(self, answer: Response) -> Response:
        for name, value in SECURITY_HEADERS.items():
            answer.headers[name] = value
        answer.headers.setdefault("Cache-Control", "no-store")
        if request.is_secure and (value := hsts(self._bus)):
            answer.headers["Strict-Transport-Security"] = value
        self._tokens.add_cookie(answer, request.is_secure)
        return answer


def _handle_errors(app: Flask, pages: Pages) -> None:
    def error_response(status: int, code: str, text: str) -> Response:
        if is_api_path(request.path):
            return refuse(status, code, text)
        g.setdefault("session", None)
        return pages.error(status, text)

    def bad_request(error: BodyError) -> Response:
        return refuse(error.status, error.code, str(error), facts=error.facts)

    def http_error(error: HTTPException) -> Response:
        status = error.code or 500
        if status < 400:  # a redirect, not an error
            answer = error.get_response()
            return Response(answer.get_data(), status, dict(answer.headers))
        answer_codes = {404: "unknown", 405: "method", 413: "too_large", 500: "internal"}
        texts = {
            404: "There is nothing at this address.",
            405: f"{request.method} is not possible here.",
            413: f"The request is larger than {MAX_BODY} bytes.",
            500: "The server met an error of its own; it is in the log.",
        }
        text = texts.get(status, error.description or error.name)
        if status == 404 and error.description != NotFound.description:  # a view's own words
            text = error.description or text
        answer_error = error_response(status, answer_codes.get(status, "http"), text)
        allow = error.get_response().headers.get("Allow")
        if allow:
            answer_error.headers["Allow"] = allow
        return answer_error

    def crash(error: Exception) -> Response:
        # The edge: whatever a view did not foresee becomes a log entry and a sentence.
        log.error("%s %s failed", request.method, request.path, exc_info=sys.exc_info())
        return error_response(
            500, "internal", "The server met an error of its own; it is in the log."
        )

    app.register_error_handler(BodyError, bad_request)
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(Exception, crash)
