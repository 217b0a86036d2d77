"""Who gets through: signed-in analysts to every page, everybody else to the few endpoints named here."""

from __future__ import annotations

import logging

from flask import Flask, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import Unauthorized

from picoevent_admin.display import visible

OPEN_ENDPOINTS = frozenset({"sign_in.form", "sign_in.submit", "sign_in.link", "sign_in.use_link", "static", "health"})
"""Endpoints that answer without a sign-in. Whatever is not named here does not."""

logger = logging.getLogger(__name__)


def guard(app: Flask) -> None:
    """Refuse strangers at the door of an application, before any page runs; must be the first such check."""
    app.before_request(refuse_strangers)


def refuse_strangers() -> ResponseReturnValue | None:
    """Send a stranger to the sign-in page, or answer 401 where a form or a program asked."""
    if request.endpoint in OPEN_ENDPOINTS:
        return None
    if is_signed_in():
        return None
    logger.info("Refused %s %s to %s: not signed in", request.method, visible(request.path), visitor())
    if request.method in ("GET", "HEAD"):
        return redirect(url_for("sign_in.form", next=_asked_for()))
    raise Unauthorized


def is_signed_in() -> bool:
    """Return whether an analyst who may still sign in asks; remembers them for the page."""
    if not current_user.is_authenticated:
        return False
    g.analyst = current_user.analyst
    return True


def visitor() -> str:
    """Return the address that asks, fit for a line of a log."""
    return visible(request.remote_addr or "an unknown address")


def _asked_for() -> str | None:
    if request.endpoint in (None, "home"):
        return None
    return request.full_path if request.query_string else request.path
