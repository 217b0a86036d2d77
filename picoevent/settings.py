"""Every setting as one table: its type, default, unit and help; code, command line and docs read it from here.

Precedence: argument, then environment (`PICOEVENT_<NAME>`), then a file named by `PICOEVENT_<NAME>_FILE`, then the
default. A wrong value stops at construction, with the setting's name and what would be right.
"""

from __future__ import annotations

import os
import zoneinfo
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from picoevent.errors import SettingsError
from picoevent.urls import full_url, mask_url, wanted_cache_url, wanted_store_url

ENV_PREFIX = "PICOEVENT_"
MIN_SECRET_KEY_CHARACTERS = 32
TRUE_WORDS, FALSE_WORDS = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
DURABILITIES = ("commit", "spool")
PARTITION_WIDTHS = ("day", "week", "month")
TLS_FILES = ("tls_ca", "tls_cert", "tls_key", "cache_tls_ca")


def _setting(default: Any, text: str, *, group: str, check: Callable[[Any], str] | None = None) -> Any:  # noqa: ANN401
    """Describe one setting; `check` returns what would be right, or nothing where the value is."""
    return field(default=default, metadata={"default": default, "help": text, "group": group, "check": check})


def _at_least(minimum: int) -> Callable[[int], str]:
    return lambda value: "" if value >= minimum else f"a whole number of at least {minimum}"


def _between(low: int, high: int) -> Callable[[int], str]:
    return lambda value: "" if low <= value <= high else f"a whole number from {low} to {high}"


def _name(value: str) -> str:
    return "" if 1 <= len(value) <= 100 else "a name of 1 to 100 characters"  # noqa: PLR2004


def _zone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return "a time zone such as UTC or Europe/Berlin"
    return ""


def _width(value: str) -> str:
    return "" if value in PARTITION_WIDTHS else "day, week or month"


def _durability(value: str) -> str:
    return "" if value in DURABILITIES else "commit or spool"


def _secret(value: str) -> str:
    if value and len(value) < MIN_SECRET_KEY_CHARACTERS:
        return f"at least {MIN_SECRET_KEY_CHARACTERS} random characters"
    return ""


@dataclass(frozen=True, slots=True, repr=False)
class Settings:
    """All settings of one process; immutable, checked when made, raises `SettingsError`."""

    url: str = _setting(
        "sqlite:///picoevent.db",
        "The database: sqlite:///FILE (embedded) or mysql+pymysql://USER@HOST/DATABASE.",
        group="Database",
        check=wanted_store_url,
    )
    password: str = _setting("", "Password of the database, where the URL holds none.", group="Database")
    replica_url: str = _setting(
        "", "A replica that pages and reports are read from.", group="Database", check=wanted_store_url
    )
    replica_fallback: bool = _setting(
        default=False,
        text="Read from the primary where the replica does not answer, or is further behind than it may be.",
        group="Database",
    )
    replica_max_behind_seconds: int = _setting(
        60,
        "How far, in seconds, the replica may be behind before the primary is read, where replica_fallback allows it.",
        group="Database",
        check=_at_least(1),
    )
    tls_ca: str = _setting("", "File of the CA that signed the database's certificate; turns TLS on.", group="Database")
    tls_cert: str = _setting("", "File of this client's certificate for the database.", group="Database")
    tls_key: str = _setting("", "File of the key of `tls_cert`.", group="Database")
    deadline_ms: int = _setting(
        1000,
        "Longest time, in milliseconds, that one call of log() may wait, whatever the database does.",
        group="Database",
        check=_at_least(1),
    )
    partition_width: str = _setting(
        "month",
        "Width of the partitions of the event tables on MySQL: day, week or month.",
        group="Database",
        check=_width,
    )
    timezone: str = _setting(
        "",
        "Reporting time zone, such as Europe/Berlin: `picoevent init` stores it (UTC where it is empty), and a "
        "process that is set to another one refuses to start.",
        group="Database",
        check=_zone,
    )
    source: str = _setting("default", "The source of events that name none.", group="Events", check=_name)
    strict: bool = _setting(
        default=False,
        text="Raise for a refused event instead of returning None; for tests and development.",
        group="Events",
    )
    max_payload_bytes: int = _setting(
        1_048_576,
        "Largest payload, in bytes of its JSON; 4 MB at most, so that it fits a packet of MySQL when it is escaped.",
        group="Events",
        check=_between(2, 4_194_304),
    )
    max_auto_event_types: int = _setting(
        1000,
        "How many event types may come into being by being logged; guards against runaway names.",
        group="Events",
        check=_between(0, 65_535),
    )
    max_auto_sources: int = _setting(1000, "The same for sources.", group="Events", check=_between(0, 65_535))
    durability: str = _setting(
        "commit",
        "When log() returns: commit (the event is in the database, or, while that is away, on the spool's disk) or "
        "spool (it is in the file of the spool, and goes to the database in the background).",
        group="Events",
        check=_durability,
    )
    spool_dir: str = _setting(
        "",
        "Folder of the spool, where events wait while the database is away; one for each database. Empty: FILE-spool "
        "beside an SQLite file, else picoevent/DATABASE@HOST-PORT in $XDG_STATE_HOME or ~/.local/state.",
        group="Events",
    )
    spool_max_mb: int = _setting(
        1024,
        "How much the spool may hold, in MB; beyond that events are refused. 0: no spool.",
        group="Events",
        check=_at_least(0),
    )
    max_rejected_events: int = _setting(
        10_000,
        "How many refused events are kept to look at; 0 keeps none.",
        group="Events",
        check=_at_least(0),
    )
    cache_url: str = _setting(
        "memory://",
        "Cache of events and answers: memory:// (in-process), none://, redis://HOST:PORT/DB, rediss://... with TLS.",
        group="Cache",
        check=wanted_cache_url,
    )
    cache_password: str = _setting("", "Password of Redis, where the URL holds none.", group="Cache")
    cache_tls_ca: str = _setting("", "File of the CA that signed the certificate of Redis.", group="Cache")
    cache_prefix: str = _setting("picoevent:", "What each key in Redis begins with.", group="Cache")
    cache_ttl_seconds: int = _setting(
        86_400,
        "How long, in seconds, Redis keeps an event.",
        group="Cache",
        check=_at_least(1),
    )
    cache_max_mb: int = _setting(64, "Size of the in-process cache, in MB.", group="Cache", check=_at_least(1))
    cache_timeout_ms: int = _setting(
        50,
        "Longest time, in milliseconds, that Redis may hold up a call.",
        group="Cache",
        check=_at_least(1),
    )
    cache_pause_seconds: int = _setting(
        5,
        "How long, in seconds, Redis is left alone after it failed.",
        group="Cache",
        check=_at_least(0),
    )
    report_cache: bool = _setting(
        default=True,
        text="Keep the answers of reports: where cache_url says, for seconds or hours, as old as the range asked is.",
        group="Cache",
    )
    report_cache_mb: int = _setting(
        32, "Size of the in-process cache of answers, in MB.", group="Cache", check=_at_least(1)
    )
    dimension_values_kept: int = _setting(
        200,
        "How many values of a dimension a quarter, day or month keeps, those with most events; the others are summed.",
        group="Reports",
        check=_between(10, 10_000),
    )
    set_members_kept: int = _setting(
        5_000_000,
        "How many users, or values that are counted distinct, a bucket keeps all of, where they take 8 MB at most. "
        "Of more there is a sample, and answers from it are marked as estimates.",
        group="Reports",
        check=_at_least(1000),
    )
    report_max_rows: int = _setting(
        20_000_000,
        "How many raw rows a report may read; one that would read more is refused with advice.",
        group="Reports",
        check=_at_least(1),
    )
    report_max_seconds: int = _setting(
        10,
        "How long a report may read raw rows; the database ends what takes longer.",
        group="Reports",
        check=_between(1, 3600),
    )
    report_max_at_once: int = _setting(
        2,
        "How many reports may read many raw rows of one MySQL at once; others wait, and are refused after a while.",
        group="Reports",
        check=_between(1, 100),
    )
    failure_values: str = _setting(
        "4xx,5xx,error,failed,denied",
        "Values that `suspicious` counts as failures, between commas; an x stands for any digit.",
        group="Reports",
    )
    secret_key: str = _setting(
        "",
        "Signs the sessions of the BI; at least 32 random characters, no default.",
        group="BI",
        check=_secret,
    )
    host: str = _setting("127.0.0.1", "Address that `serve` listens on.", group="BI")
    port: int = _setting(8080, "Port that `serve` listens on.", group="BI", check=_between(1, 65_535))
    workers: int = _setting(2, "Processes of `serve`.", group="BI", check=_between(1, 64))
    threads: int = _setting(16, "Threads of each process of `serve`.", group="BI", check=_between(1, 256))
    trusted_proxies: int = _setting(
        0,
        "How many proxies in front of `serve` may tell the visitor's address.",
        group="BI",
        check=_between(0, 10),
    )
    secure_cookies: bool = _setting(
        default=False,
        text="Send the session cookie over HTTPS only; set it where the BI is behind TLS.",
        group="BI",
    )

    def __post_init__(self) -> None:
        """Check every value; name the driver of `mysql://` and `mariadb://`, and the folder of an SQLite file."""
        for row in fields(self):
            check_setting(row.name, getattr(self, row.name))
        for name in ("url", "replica_url"):
            object.__setattr__(self, name, full_url(name, getattr(self, name)))
        if self.durability == "spool" and not self.spool_max_mb:
            raise SettingsError("durability is spool, and spool_max_mb is 0.", hint="Leave spool_max_mb out.")
        if not self.url:
            raise SettingsError("url is empty.", hint=f"Set {env_name('url')}, or leave it out.")
        if self.cache_tls_ca and not self.cache_url.startswith("rediss://"):
            raise SettingsError("cache_tls_ca needs TLS.", hint="Write cache_url as rediss://HOST:PORT/DB.")
        _check_tls({name: getattr(self, name) for name in TLS_FILES if getattr(self, name)})

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:  # noqa: ANN401
        """Return the settings of an environment; `overrides` that are not None stand above it."""
        _check_names(overrides)
        values = read_environment(os.environ if environ is None else environ)
        values.update({name: value for name, value in overrides.items() if value is not None})
        return cls(**values)

    def replaced(self, **overrides: Any) -> Settings:  # noqa: ANN401
        """Return these settings with some of them replaced; raises `SettingsError` like the constructor."""
        given = {name: value for name, value in overrides.items() if value is not None}
        _check_names(given)
        return replace(self, **given)

    def __repr__(self) -> str:
        """Show what differs from the defaults, with every secret masked."""
        shown = (
            f"{row.name}={masked(row.name, getattr(self, row.name))!r}"
            for row in fields(self)
            if getattr(self, row.name) != row.default
        )
        return f"Settings({', '.join(shown)})"


def _check_tls(files: Mapping[str, str]) -> None:
    """Raise `SettingsError` for files that TLS will not accept; here, so that no call meets them later."""
    for name, needed in (("tls_key", "tls_cert"), ("tls_cert", "tls_ca")):
        if name in files and needed not in files:
            raise SettingsError(f"{name} needs {needed}.", hint=f"Set {env_name(needed)} too, or leave both out.")
    if not files:
        return
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for name, path in files.items():
        with _blaming(name, path):
            Path(path).read_bytes()
            if name.endswith("tls_ca"):
                context.load_verify_locations(path)
    if "tls_cert" in files:
        with _blaming("tls_cert", files["tls_cert"]):
            # Without a password OpenSSL would ask for one on the terminal.
            context.load_cert_chain(files["tls_cert"], files.get("tls_key"), password="")


@contextmanager
def _blaming(name: str, path: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        message = f"The setting {name} is {path!r}, which can't be used ({why})."
        raise SettingsError(message, hint="Name a PEM file that this user may read.") from error


def _check_names(given: Mapping[str, object]) -> None:
    unknown = sorted(set(given) - set(Settings.__dataclass_fields__))
    if unknown:
        raise SettingsError(f"There is no setting {unknown[0]!r}.", hint="See docs/settings.md.")


def env_name(name: str) -> str:
    """Return the environment variable of a setting."""
    return ENV_PREFIX + name.upper()


def read_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that an environment gives, as the types of the table; raise `SettingsError`."""
    values: dict[str, Any] = {}
    for row in fields(Settings):
        text = _text_from(environ, env_name(row.name))
        if text is not None:
            values[row.name] = parse_setting(row.name, text)
    return values


def _text_from(environ: Mapping[str, str], variable: str) -> str | None:
    if variable in environ:
        return environ[variable]
    path = environ.get(f"{variable}_FILE")
    if path is None:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        message = f"{variable}_FILE names {path!r}, which can't be read ({type(error).__name__})."
        raise SettingsError(message, hint="Name a text file that this user may read.") from error


def parse_setting(name: str, text: str) -> str | int | bool:
    """Return a setting's value from its text; raise `SettingsError` naming it."""
    kind = type(Settings.__dataclass_fields__[name].metadata["default"])
    if kind is bool:
        word = text.strip().lower()
        if word not in (*TRUE_WORDS, *FALSE_WORDS):
            raise _wrong(name, text, "true or false")
        return word in TRUE_WORDS
    if kind is int:
        try:
            return int(text)
        except ValueError:
            raise _wrong(name, text, "a whole number") from None
    return text


def check_setting(name: str, value: object) -> None:
    """Raise `SettingsError` unless the value has the type of the table and passes its check."""
    row = Settings.__dataclass_fields__[name]
    kind = type(row.metadata["default"])
    if type(value) is not kind:
        raise _wrong(name, value, {str: "a text", int: "a whole number", bool: "true or false"}[kind])
    if isinstance(value, str) and value.encode("utf-8", "replace") != value.encode("utf-8", "surrogatepass"):
        raise _wrong(name, value, "a text that UTF-8 can hold")
    check = row.metadata["check"]
    wanted = check(value) if check else ""
    if wanted:
        raise _wrong(name, value, wanted)


def _wrong(name: str, value: object, wanted: str) -> SettingsError:
    message = f"The setting {name} is {masked(name, value)!r}, which is wrong."
    return SettingsError(message, hint=f"Set {env_name(name)} (or the argument {name}) to {wanted}.")


def masked(name: str, value: object) -> object:
    """Return a setting's value as people may see it: no password, no key."""
    if name in ("password", "cache_password", "secret_key"):
        return "***" if value else value
    if isinstance(value, str) and name.endswith("url"):
        return mask_url(value)
    return value
