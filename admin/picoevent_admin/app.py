"""The application: Flask with Flask-Admin as its frame, and every protection put on before the first page."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import TracebackType
from typing import Any

from flask import Flask, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin
from flask_admin.theme import Theme
from flask_wtf.csrf import CSRFProtect
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

from picoevent import EventLog, Settings, SettingsError
from picoevent.analysts import Analysts, open_analysts
from picoevent.event import format_time
from picoevent.report.query_cache import keeps_answers
from picoevent.report.warming import DASHBOARD, Warmer
from picoevent.settings import MIN_SECRET_KEY_CHARACTERS
from picoevent_admin import display, sign_in
from picoevent_admin.bi import EXTENSION, Bi, bi
from picoevent_admin.error_pages import show_errors
from picoevent_admin.guard import guard
from picoevent_admin.headers import STATIC_SECONDS, csp_nonce, protect_responses
from picoevent_admin.names import Names
from picoevent_admin.sessions import keep_sessions
from picoevent_admin.throttle import Throttle
from picoevent_admin.views.event_types import EventTypesView
from picoevent_admin.views.events import EventsView

MAX_FORM_BYTES = 64 * 1024
MAX_FORM_FIELDS = 20
ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

MAKE_A_KEY = "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"


class Application(Flask):
    """Flask, with an address in its log that can't forge a line there."""

    def log_exception(self, exc_info: ExceptionInfo) -> None:
        """Log a fault of ours, with its traceback."""
        self.logger.error("%s %s has failed", request.method, display.visible(request.path), exc_info=exc_info)


def create_app(
    settings: Settings, *, events: EventLog | None = None, analysts: Analysts | None = None, warms: bool = False
) -> Flask:
    """Return the BI on an event log; raise `SettingsError` without a secret key.

    Where it `warms`, the panels of the dashboard are computed ahead while analysts are here. Make it after a fork: its
    connections are this process's own.
    """
    check_secret_key(settings)
    events = events or EventLog(settings)
    warmer = Warmer(events.report, DASHBOARD if warms and keeps_answers(settings) else ())
    parts = Bi(settings, events, analysts or open_analysts(settings), Throttle(settings), Names(events), warmer)
    app = Application(__name__)
    app.extensions[EXTENSION] = parts
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_FORM_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_FORM_BYTES,
        MAX_FORM_PARTS=MAX_FORM_FIELDS,
        SEND_FILE_MAX_AGE_DEFAULT=STATIC_SECONDS,
        # A form is as old as its session; a second clock would only lose what somebody typed.
        WTF_CSRF_TIME_LIMIT=None,
    )
    _trust_proxies(app, settings.trusted_proxies)
    protect_responses(app, settings)
    keep_sessions(app, settings, parts.analysts)
    guard(app)
    app.before_request(_notice_analyst)
    CSRFProtect(app)
    show_errors(app)
    _add_pages(app)
    _prepare_templates(app, parts)
    return app


def check_secret_key(settings: Settings) -> None:
    """Raise `SettingsError` where sessions could not be signed, and say how to make a key."""
    if len(settings.secret_key) < MIN_SECRET_KEY_CHARACTERS:
        raise SettingsError(
            f"The BI needs a secret key of at least {MIN_SECRET_KEY_CHARACTERS} characters, which signs its sessions.",
            hint=f"Make one with {MAKE_A_KEY} and set PICOEVENT_SECRET_KEY (or PICOEVENT_SECRET_KEY_FILE).",
        )


def _trust_proxies(app: Flask, proxies: int) -> None:
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies)  # type: ignore[method-assign]


def _notice_analyst() -> None:
    if "analyst" in g:
        bi().warmer.look()


def _add_pages(app: Flask) -> None:
    # The folder does not exist: none of Flask-Admin's own templates, scripts and styles are served or used.
    admin = Admin(
        app,
        name="PicoEvent",
        url="/",
        theme=Theme(folder="none", base_template="layout.html"),
        index_view=EventsView(name="Events", endpoint="events", url="/events"),
        csp_nonce_generator=csp_nonce,
    )
    admin.add_view(EventTypesView(name="Event types", endpoint="event_types", url="/event-types"))
    app.register_blueprint(sign_in.pages)
    app.add_url_rule("/", "home", _home)
    app.add_url_rule("/healthz", "health", _health)


def _home() -> ResponseReturnValue:
    return redirect(url_for("events.index"))


def _health() -> ResponseReturnValue:
    return "ok", {"Content-Type": "text/plain; charset=utf-8"}


def _prepare_templates(app: Flask, parts: Bi) -> None:
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    shown = (
        display.visible,
        display.day,
        display.clock,
        display.milliseconds,
        display.ago,
        display.full_time,
        display.summary,
        display.json_parts,
        format_time,
    )
    app.jinja_env.filters.update({function.__name__: function for function in shown})
    versions = {path.name: _version(path) for path in Path(str(app.static_folder)).iterdir()}

    def asset(name: str) -> str:
        return url_for("static", filename=name, v=versions[name])

    @app.context_processor
    def frame() -> dict[str, Any]:
        """Give what the layout needs on every page, errors included: nothing here may ask the database."""
        analyst = g.get("analyst")
        menu = app.extensions["admin"][0].menu() if analyst else []
        return {
            "analyst": analyst,
            "menu": menu,
            "asset": asset,
            "nonce": csp_nonce,
            "data_age_in_words": display.data_age_in_words,
            "names": parts.names,
        }


def _version(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
