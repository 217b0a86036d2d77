"""Signing in by password or by a link that works once, and signing out."""

from __future__ import annotations

import logging

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from picoevent.analysts import Analyst
from picoevent_admin.bi import bi
from picoevent_admin.display import visible
from picoevent_admin.error_pages import Words, error_page
from picoevent_admin.guard import is_signed_in, visitor
from picoevent_admin.return_path import checked_return_path
from picoevent_admin.sessions import end_session, start_session

WRONG = "This name and password do not belong together. Both are compared exactly."
USED_LINK = Words(
    "This link was used, or has run out",
    "A sign-in link works once, and for a short time only.",
    "Ask whoever runs PicoEvent for another one, or sign in with your password.",
)
pages = Blueprint("sign_in", __name__)
logger = logging.getLogger(__name__)


@pages.get("/sign-in")
def form() -> ResponseReturnValue:
    """Show the form; who is signed in already goes on to where they wanted."""
    if is_signed_in():
        return redirect(_where_to())
    return render_template("sign_in.html", name="", fault="")


@pages.post("/sign-in")
def submit() -> ResponseReturnValue:
    """Sign in with a name and a password."""
    name, password = request.form.get("name", ""), request.form.get("password", "")
    wait = bi().throttle.seconds_to_wait(name, request.remote_addr or "")
    if wait:
        logger.warning("Refused a sign-in as %s from %s: too many tries", visible(name[:100]), visitor())
        return _too_many(name, wait)
    analyst = bi().analysts.verify(name, password)
    if analyst is None:
        logger.warning("Failed sign-in as %s from %s", visible(name[:100]), visitor())
        return render_template("sign_in.html", name=name[:100], fault=WRONG), 401
    bi().throttle.forget(name, request.remote_addr or "")
    return _admit(analyst, "password")


@pages.get("/sign-in/link/<token>")
def link(token: str) -> ResponseReturnValue:
    """Show whom a link signs in; a preview of the link in a chat program does not use it up."""
    analyst = bi().analysts.find_sign_in_link(token)
    if analyst is None:
        return _used_link()
    return render_template("sign_in_link.html", analyst_name=analyst.name, token=token)


@pages.post("/sign-in/link/<token>")
def use_link(token: str) -> ResponseReturnValue:
    """Sign in with a link, and use it up."""
    analyst = bi().analysts.use_sign_in_link(token)
    return _used_link() if analyst is None else _admit(analyst, "link")


@pages.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the session, in every browser."""
    end_session(bi().analysts)
    return redirect(url_for("sign_in.form"))


def _admit(analyst: Analyst, means: str) -> ResponseReturnValue:
    where = _where_to()
    start_session(analyst, bi().analysts)
    logger.info("%s signed in by %s from %s", visible(analyst.name), means, visitor())
    return redirect(where)


def _where_to() -> str:
    return checked_return_path(request.args.get("next")) or url_for("home")


def _too_many(name: str, wait: int) -> ResponseReturnValue:
    minutes = -(-wait // 60)
    fault = f"Too many tries. Try again in {minutes} minute{'s' if minutes > 1 else ''}."
    response = make_response(render_template("sign_in.html", name=name[:100], fault=fault), 429)
    response.headers["Retry-After"] = str(wait)
    return response


def _used_link() -> ResponseReturnValue:
    logger.warning("Refused a sign-in link from %s: used, run out or unknown", visitor())
    return error_page(410, USED_LINK)
