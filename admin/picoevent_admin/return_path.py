"""Where to go after signing in: only back to a page of ours, never to another site."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import current_app
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from picoevent_admin.guard import OPEN_ENDPOINTS

MAX_CHARACTERS = 4000


def checked_return_path(wanted: str | None) -> str | None:
    """Return a path with its query where it leads to a page of ours that can be got, else None."""
    if not wanted or len(wanted) > MAX_CHARACTERS or not wanted.startswith("/") or not _is_plain(wanted):
        return None
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return None
    if parts.scheme or parts.netloc or parts.path.startswith("//"):
        return None
    return wanted if _is_page(parts.path) else None


def _is_plain(wanted: str) -> bool:
    # Browsers drop tabs and line ends from an address, and read a backslash as a slash.
    return wanted.isprintable() and "\\" not in wanted and " " not in wanted


def _is_page(path: str) -> bool:
    try:
        endpoint, _ = current_app.url_map.bind("").match(path, method="GET")
    except (HTTPException, RequestRedirect):
        return False
    return endpoint not in OPEN_ENDPOINTS
