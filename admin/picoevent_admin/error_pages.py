"""Pages for what went wrong, in our layout: what failed, what still works, what now; never an exception's text."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from flask import Flask, Response, current_app, make_response, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from picoevent import InvalidQuery, PicoEventError
from picoevent.passwords import TooManyAtOnce
from picoevent_admin.guard import visitor

RETRY_SECONDS = 5
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Words:
    """What a page says: its title, why, and what to do now."""

    title: str
    why: str
    now: str


BY_CODE = {
    400: Words("This request can't be read", "Part of it is missing or malformed.", "Go back, reload the page, retry."),
    401: Words("You are signed out", "This needs a sign-in.", "Sign in, and do it again."),
    403: Words("This is not open to you", "Your account may not see it.", "Everything in the menu is open to you."),
    404: Words("There is no such page", "The address leads nowhere.", "Check it, or start from the menu."),
    405: Words("This page can only be read", "Nothing is sent to this address.", "Open it from the menu."),
    413: Words("This is too much at once", "The form holds more than a page of ours sends.", "Send less."),
    429: Words("Too many tries", "Wait a moment; whoever is signed in is not affected.", "Then try again."),
    500: Words(
        "This page has failed",
        "The fault is in PicoEvent, not in what you did. Events are not affected, and other pages work.",
        "Try again; if it stays, tell whoever runs PicoEvent the time on their clock: its log has the rest.",
    ),
    503: Words(
        "The database does not answer",
        "Pages can't be shown until it does. This address stays right.",
        "Try again in a moment; if it stays, tell whoever runs PicoEvent.",
    ),
}
OTHER = Words("This did not work", "The request was refused.", "Go back and try again.")
FORM_TOO_OLD = Words(
    "This form is too old", "It was open for longer than its session.", "Open the page again and send it once more."
)
NOT_SECURE = Words(
    "This address is not secure",
    "PicoEvent is set to send its cookie over HTTPS only, and this page came over plain HTTP.",
    "Open it with https://, or have whoever runs it turn PICOEVENT_SECURE_COOKIES off (or, behind a proxy that ends "
    "TLS, set PICOEVENT_TRUSTED_PROXIES).",
)
BUSY = Words("Too many people are signing in", "Only a few passwords are checked at a time.", "Try again in a moment.")


def show_errors(app: Flask) -> None:
    """Give an application these pages."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(CSRFError, _form_error)
    app.register_error_handler(InvalidQuery, _query_error)
    app.register_error_handler(PicoEventError, _store_error)


def error_page(code: int, words: Words, *details: str) -> Response:
    """Return the page of an error."""
    again = request.full_path.removesuffix("?") if request.method == "GET" else url_for("home")
    page = render_template("error.html", code=code, words=words, details=details, again=again)
    response = make_response(page, code)
    if code == 503:  # noqa: PLR2004  # the page's own number
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def _http_error(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None or error.code is None:
        return error
    if 300 <= error.code < 400:  # noqa: PLR2004  # a redirect is raised as an error too
        return error
    return error_page(error.code, BY_CODE.get(error.code, OTHER))


def _form_error(error: CSRFError) -> ResponseReturnValue:
    logger.warning("Refused a form to %s from %s: %s", request.endpoint, visitor(), error.description)
    return error_page(
        400, NOT_SECURE if current_app.config["SESSION_COOKIE_SECURE"] and not request.is_secure else FORM_TOO_OLD
    )


def _query_error(error: InvalidQuery) -> ResponseReturnValue:
    return error_page(400, BY_CODE[400], error.message, error.hint)


def _store_error(error: PicoEventError) -> ResponseReturnValue:
    if isinstance(error, TooManyAtOnce):
        return error_page(503, BUSY)
    logger.error("%s %s failed: %s", request.method, request.endpoint, error)
    # Names of servers are for those who have been signed in; who has not could be anybody.
    details = (error.message, error.hint) if "_user_id" in session else ()
    return error_page(503, BY_CODE[503], *details)
