"""Sessions of analysts: a signed cookie that ends when idle, after half a day, and with the password."""

from __future__ import annotations

import hashlib
import logging
import time
from datetime import timedelta

from flask import Flask, Response, request, session
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from picoevent import PicoEventError, Settings
from picoevent.analysts import Analyst, Analysts

logger = logging.getLogger("picoevent_admin")

IDLE = timedelta(minutes=30)
ABSOLUTE_SECONDS = 12 * 3600
STARTED = "signed_in_at"
WITHOUT_SESSION = ("static", "health")


class SignedIn(UserMixin):  # type: ignore[misc,unused-ignore]
    """An analyst as Flask-Login wants one; its id changes with the password, which ends older sessions."""

    def __init__(self, analyst: Analyst, token: str) -> None:
        self.analyst = analyst
        self._token = token

    def get_id(self) -> str:
        """Return what the session keeps."""
        return self._token


class SessionCookies(SecureCookieSessionInterface):
    """Flask's own sessions, but on pages only."""

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Renew the cookie, except with files: a browser that keeps one must not mind that the cookie changed."""
        if request.endpoint not in WITHOUT_SESSION:
            super().save_session(app, session, response)


def keep_sessions(app: Flask, settings: Settings, analysts: Analysts) -> None:
    """Set up sessions for an application."""
    app.secret_key = settings.secret_key
    app.session_interface = SessionCookies()
    app.config.update(
        SESSION_COOKIE_NAME=_cookie_name(settings),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        SESSION_COOKIE_PATH="/",
        PERMANENT_SESSION_LIFETIME=IDLE,
        SESSION_REFRESH_EACH_REQUEST=True,
    )
    manager = LoginManager()
    # What it would compare is the visitor's address, which changes on a phone all the time.
    manager.session_protection = None
    # Its context processor would look the analyst up for error pages too, where the database may be away.
    manager.init_app(app, add_context_processor=False)

    @manager.user_loader  # type: ignore[untyped-decorator,unused-ignore]
    def load(token: str) -> SignedIn | None:
        if _is_over(session.get(STARTED)):
            return None
        analyst = analysts.of_session(token)
        return None if analyst is None else SignedIn(analyst, token)


def start_session(analyst: Analyst, analysts: Analysts) -> None:
    """Sign an analyst in; nothing of an earlier session stays."""
    session.clear()
    session.permanent = True
    session[STARTED] = int(time.time())
    login_user(SignedIn(analyst, analysts.session_token(analyst)))


def end_session(analysts: Analysts) -> None:
    """Sign out, in every browser: a cookie that was copied ends too."""
    if isinstance(current_user._get_current_object(), SignedIn):  # noqa: SLF001  # how Werkzeug names what is behind
        try:
            analysts.end_sessions(current_user.analyst.name)
        except PicoEventError as error:
            logger.warning("Other sessions could not be ended: %s", error)
    logout_user()
    session.clear()


def _is_over(started: object) -> bool:
    return not isinstance(started, int) or time.time() - started > ABSOLUTE_SECONDS


def _cookie_name(settings: Settings) -> str:
    if settings.secure_cookies:
        return "__Host-picoevent"
    # Browsers share cookies between the ports of a host: two PicoEvents there must not sign each other out.
    key = hashlib.blake2b(settings.secret_key.encode(), digest_size=4, person=b"cookie name").hexdigest()
    return f"picoevent-{key}"
