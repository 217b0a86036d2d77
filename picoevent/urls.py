"""URLs of databases and caches as people write them: what can be one, made whole, and shown without its passwords."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from picoevent.errors import SettingsError

STORE_SCHEMES = ("sqlite", "mysql+pymysql", "mysql", "mariadb")
CACHE_SCHEMES = ("memory", "redis", "rediss", "unix", "none")
SECRET_ARGUMENT = re.compile(r"([?&][^=&]*(?:pass|pwd|secret|token|%)[^=&]*=).*", re.IGNORECASE | re.DOTALL)
"""An argument of a URL that may hold a password, with all that stands behind it."""

ENCODE_HINT = "In a user or a password, write @ : / ? # % as %40 %3A %2F %3F %23 %25."


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError:
        return ""


def wanted_store_url(value: str) -> str:
    """Return what the URL of a database should be, or nothing where this one can be used."""
    scheme, _, rest = value.partition("://")
    if value and (_scheme(value) not in STORE_SCHEMES or not rest or "\0" in unquote(rest)):
        return "sqlite:///FILE or mysql+pymysql://USER:PASSWORD@HOST:PORT/DATABASE"
    if scheme == "sqlite" and (rest in ("/", "/:memory:") or rest[0] != "/" or "?" in rest):
        return "sqlite:///FILE, which is a path on this machine, with no arguments behind it, and not :memory:"
    return ""


def wanted_cache_url(value: str) -> str:
    """Return what the URL of a cache should be, or nothing where this one can be used."""
    if _scheme(value) not in CACHE_SCHEMES:
        return "memory://, none://, redis://HOST:PORT/DB, rediss://... (TLS) or unix:///PATH"
    return ""


def full_url(name: str, url: str) -> str:
    """Return the URL of a setting with its driver, and with the whole path of an SQLite file."""
    scheme, _, rest = url.partition("://")
    if scheme in ("mysql", "mariadb"):
        return f"mysql+pymysql://{rest}"
    if scheme != "sqlite":
        return url
    try:
        # Now: a host that changes its folder, and then forks, would make another file there.
        return f"sqlite:///{Path(rest[1:]).absolute()}"
    except OSError as error:
        message = f"The setting {name} is {url!r}, and this process's folder is gone."
        raise SettingsError(message, hint="Write sqlite:////PATH, from the root.") from error


def check_address(name: str, host: str, port: int) -> None:
    """Raise `SettingsError` for a host or a port that can't be; shows neither: it may be a part of a password."""
    try:
        host.encode("idna")
        sound = host.isprintable() and not set(host) & set("@/\\?#[] ")
    except UnicodeError:
        sound = False
    if not sound or not 1 <= port <= 65_535:  # noqa: PLR2004
        wrong = "port" if sound else "host"
        raise SettingsError(f"The setting {name} has a {wrong} that can't be.", hint=ENCODE_HINT)


def check_argument(name: str, argument: str, known: Collection[str], hints: Mapping[str, str]) -> None:
    """Raise `SettingsError` for an argument of a URL, unless it is known; `hints` say where its work is done."""
    if argument not in known:
        shown = f"argument {argument!r}" if argument.isidentifier() else "argument"
        hint = hints.get(argument) or f"Known are {', '.join(sorted(known))}. {ENCODE_HINT}"
        raise SettingsError(f"The setting {name} has an {shown} that it may not have.", hint=hint)


def mask_url(url: str) -> str:
    """Return a URL without its passwords; where it is unclear how far one goes, without what stands behind it."""
    scheme, separator, rest = url.partition("://")
    if not separator or not re.fullmatch(r"[A-Za-z0-9+.-]+", scheme):
        return "(not a URL)" if "@" in url or "?" in url else url
    # The last @: a password that was not encoded may hold any of / ? # @. The path of an SQLite file holds none.
    user_and_password, at, place = ("", "", rest) if scheme == "sqlite" else rest.rpartition("@")
    if SECRET_ARGUMENT.search(user_and_password):
        return f"{scheme}://***"
    user, colon, _ = user_and_password.partition(":")
    place = SECRET_ARGUMENT.sub(r"\1***", place)
    return f"{scheme}://{user}:***@{place}" if colon else f"{scheme}://{user}{at}{place}"
