"""The headers of every response, errors and static files included: what browsers may do with a page, and keep."""

from __future__ import annotations

import secrets
from typing import cast

from flask import Flask, Response, g, request

from picoevent import Settings

STATIC_ENDPOINT = "static"
STATIC_SECONDS = 365 * 86_400
"""Static files may be kept: their addresses change with their content."""

SAME_EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    # Not stricter: the check of forms over HTTPS needs the referrer of our own pages.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
HSTS = "max-age=31536000"


def protect_responses(app: Flask, settings: Settings) -> None:
    """Put the headers on every response of an application."""

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.update(SAME_EVERYWHERE)
        response.headers["Content-Security-Policy"] = content_security_policy(csp_nonce())
        if settings.secure_cookies:
            response.headers["Strict-Transport-Security"] = HSTS
        if request.endpoint != STATIC_ENDPOINT or response.status_code >= 400:  # noqa: PLR2004  # an error
            response.headers["Cache-Control"] = "no-store"
        return response


def csp_nonce() -> str:
    """Return the nonce of this request, which only our own script tags carry."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return cast("str", g.csp_nonce)


def content_security_policy(nonce: str) -> str:
    """Return the policy: nothing is loaded but our own files, and no script runs without the nonce."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'nonce-{nonce}'",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "object-src 'none'",
        )
    )
