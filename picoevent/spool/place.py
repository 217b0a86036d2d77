"""Where the spool of a database lies: named by `spool_dir`, or found by rule."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from picoevent.errors import SettingsError
from picoevent.settings import Settings, env_name


def spool_folder(settings: Settings, environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder of the spool, as a whole path.

    `spool_dir` where it is set; else FILE-spool beside an SQLite file, and for a server picoevent/DATABASE@HOST-PORT in
    $XDG_STATE_HOME or ~/.local/state: two servers with a database of one name are two places. Raises `SettingsError`
    where there is none.
    """
    if settings.spool_dir:
        return _whole(settings.spool_dir)
    scheme, _, rest = settings.url.partition(":///")
    if scheme == "sqlite":
        return Path(f"{rest}-spool")
    return _state_folder(os.environ if environ is None else environ) / "picoevent" / _place_of(settings)


def _whole(path: str) -> Path:
    try:
        # Now: a host may change its folder later.
        return Path(path).absolute()
    except OSError as error:
        message = f"The setting spool_dir is {path!r}, and this process's folder is gone."
        raise SettingsError(message, hint=f"Write {env_name('spool_dir')} as a path from the root.") from error


def _state_folder(environ: Mapping[str, str]) -> Path:
    # A path that is not whole is none, says the rule for this variable.
    for variable, rest in (("XDG_STATE_HOME", ""), ("HOME", ".local/state")):
        if os.path.isabs(environ.get(variable, "")):  # noqa: PTH117  # of a text
            return Path(environ[variable]) / rest
    raise SettingsError(
        "There is no place for the spool: neither XDG_STATE_HOME nor HOME names a folder.",
        hint=f"Set {env_name('spool_dir')} to a folder that this user may write, or PICOEVENT_SPOOL_MAX_MB=0.",
    )


def database_name(settings: Settings) -> str:
    """Return the name of the database whose events are spooled; the same one wherever its server moves to."""
    return unquote(urlsplit(settings.url).path.removeprefix("/"))


def _place_of(settings: Settings) -> str:
    parts = urlsplit(settings.url)
    database = safe_name(database_name(settings))
    return f"{database}@{safe_name(parts.hostname or 'localhost')}-{parts.port or 3306}"


def safe_name(name: str) -> str:
    """Return a name as one part of a path; different names stay different."""
    safe = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:64].lstrip(".")
    if safe == name and safe:
        return safe
    return f"{safe}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
