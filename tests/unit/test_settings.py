"""Settings: one table, three places they come from, and an error that names the setting and the fix."""

from __future__ import annotations

import dataclasses
from urllib.parse import quote

import pytest
import trustme
from hypothesis import assume, given
from hypothesis import strategies as st

from picoevent import EventLog
from picoevent.errors import SettingsError
from picoevent.settings import Settings, env_name
from picoevent.urls import mask_url


def test_an_argument_stands_above_the_environment_and_that_above_the_default():
    environ = {"PICOEVENT_SOURCE": "from-env", "PICOEVENT_DEADLINE_MS": "250"}

    settings = Settings.from_env(environ, source="argument")

    assert (settings.source, settings.deadline_ms, settings.port) == ("argument", 250, 8080)


def test_a_secret_can_be_read_from_a_file(tmp_path):
    file = tmp_path / "password"
    file.write_text("s3cret\n")

    settings = Settings.from_env({"PICOEVENT_PASSWORD_FILE": str(file)})

    assert settings.password == "s3cret"


def test_a_missing_file_is_named():
    with pytest.raises(SettingsError, match="PICOEVENT_PASSWORD_FILE names '/nowhere'"):
        Settings.from_env({"PICOEVENT_PASSWORD_FILE": "/nowhere"})


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("url", "postgresql://db", "sqlite:///FILE or mysql"),
        ("url", "mysql://[", "sqlite:///FILE or mysql"),
        ("deadline_ms", "soon", "a whole number"),
        ("deadline_ms", "0", "at least 1"),
        ("strict", "perhaps", "true or false"),
        ("cache_url", "memcached://x", "redis://HOST:PORT/DB"),
        ("timezone", "Mars/Olympus", "a time zone"),
        ("timezone", "../../etc/passwd", "a time zone"),
        ("partition_width", "year", "day, week or month"),
        ("secret_key", "short", "32 random characters"),
        ("port", "70000", "1 to 65535"),
        ("source", "lone \ud800", "UTF-8"),
        ("url", "sqlite:x.db", "sqlite:///FILE"),
        ("replica_url", "sqlite:///:memory:", "not :memory:"),
    ],
)
def test_a_wrong_value_is_named_with_what_would_be_right(name, text, wanted):
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({env_name(name): text})

    assert f"The setting {name} is" in str(caught.value)
    assert wanted in str(caught.value)
    assert env_name(name) in str(caught.value)


def test_a_wrong_setting_is_the_only_thing_that_raises_at_construction():
    with pytest.raises(SettingsError, match="There is no setting 'colour'"):
        EventLog("sqlite:///x.db", colour="red")
    with pytest.raises(SettingsError, match="deadline_ms"):
        EventLog("sqlite:///x.db", deadline_ms="1000")

    EventLog("mysql+pymysql://nobody@127.0.0.1:1/nothing").close()


@pytest.mark.parametrize("scheme", ["mysql", "mariadb", "mysql+pymysql"])
def test_the_short_schemes_mean_the_driver(scheme):
    assert Settings(url=f"{scheme}://db/picoevent").url == "mysql+pymysql://db/picoevent"


def test_no_secret_is_shown():
    secrets = {name: f"{name}-{'x' * 40}" for name in ("password", "cache_password", "secret_key")}
    settings = Settings(url="mysql://ann:p%40ss@db/x", cache_url="redis://:hidden@host/0", **secrets)

    shown = repr(settings)

    assert not any(secret in shown for secret in [*secrets.values(), "p%40ss", "hidden"])
    assert mask_url("mysql://ann:p%40ss@db:3306/x") == "mysql://ann:***@db:3306/x"


SECRET = st.text(min_size=1, max_size=20)
PLACES = [
    "mysql://ann:{}@db:3306/x",
    "mysql://:{}@db/x?charset=utf8mb4",
    "redis://:{}@db:6379/0",
    "rediss://ann:{}@db/0?db=1",
    "redis://db/0?password={}",
    "redis://db/0?db=1&PASSWORD={}",
    "unix:///run/redis?username=ann&password={}",
]


@given(password=SECRET, place=st.sampled_from(PLACES), encode=st.booleans())
def test_no_password_is_shown_whatever_it_is_made_of(password, place, encode):
    written = quote(password, safe="") if encode else password
    around = _shown(place.format("***")) + _shown(place.format("\0"))
    assume(written not in around)

    assert written not in mask_url(place.format(written))
    assert written not in _shown(place.format(written))


def _shown(url):
    """Return what people see of settings with this URL, be it right or wrong."""
    name = "url" if url.startswith("mysql") else "cache_url"
    try:
        return repr(Settings(**{name: url}))
    except SettingsError as error:
        return error.message


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mysql://u:se#cret@h/db", "mysql://u:***@h/db"),
        ("mysql://u:se/cret@h/db", "mysql://u:***@h/db"),
        ("mysql://u:se?cret@h/db", "mysql://u:***@h/db"),
        ("mysql://u:s@e@cret@h/db", "mysql://u:***@h/db"),
        ("mysql://h/db?password=cret", "mysql://h/db?password=***"),
        ("redis://h/0?db=1&password=a@b&c", "redis://***"),
        ("mysql://h:3306/db", "mysql://h:3306/db"),
        ("sqlite:////tmp/a:b@c.db", "sqlite:////tmp/a:b@c.db"),
        ("u:cret@h/db", "(not a URL)"),
    ],
)
def test_a_url_is_shown_without_its_password(url, shown):
    assert mask_url(url) == shown


@pytest.mark.parametrize("name", ["tls_ca", "tls_cert", "tls_key", "cache_tls_ca"])
@pytest.mark.parametrize("content", [None, b"", b"not PEM"])
def test_a_file_that_tls_can_not_use_is_named_with_its_setting(tmp_path, name, content):
    files = _tls_files(tmp_path)
    files[name] = str(tmp_path / "wrong.pem")
    if content is not None:
        (tmp_path / "wrong.pem").write_bytes(content)

    with pytest.raises(SettingsError, match=r"The setting \w*tls_(ca|cert|key) is .*, which can't be used") as caught:
        EventLog("mysql://u@h/db", cache_url="rediss://h/0", **files)

    assert name in str(caught.value) or name == "tls_key"


def test_files_that_tls_can_use_are_taken(tmp_path):
    files = _tls_files(tmp_path)

    with EventLog("mysql://u@h/db", cache_url="rediss://h/0", **files) as events:
        assert {name: getattr(events.settings, name) for name in files} == files


def test_a_certificate_without_what_it_needs_is_a_wrong_setting():
    with pytest.raises(SettingsError, match="tls_cert needs tls_ca"):
        Settings(tls_cert="/cert.pem")


def _tls_files(folder):
    """Four files that fit together, by the names of their settings."""
    authority = trustme.CA()
    certificate = authority.issue_cert("client")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    names = {"tls_ca": "ca", "tls_cert": "cert", "tls_key": "key", "cache_tls_ca": "ca"}
    return {name: str(folder / f"{file}.pem") for name, file in names.items()}


def test_the_file_of_a_relative_url_is_where_the_settings_were_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = Settings(url="sqlite:///rel.db", replica_url="sqlite:///~/x.db")
    monkeypatch.chdir("/")

    assert settings.replaced(strict=True).url == f"sqlite:///{tmp_path}/rel.db"
    assert settings.replica_url == f"sqlite:///{tmp_path}/~/x.db"


def test_settings_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().source = "other"


def test_every_setting_says_what_it_is_for():
    for row in dataclasses.fields(Settings):
        assert row.metadata["help"].endswith("."), row.name
        assert row.metadata["group"] in ("Database", "Events", "Cache", "Reports", "BI"), row.name


def test_the_database_can_be_given_by_its_place_or_by_its_name(tmp_path, monkeypatch):
    monkeypatch.delenv("PICOEVENT_DEADLINE_MS")
    url = f"sqlite:///{tmp_path / 'x.db'}"

    assert EventLog(url).settings == EventLog(url=url).settings == EventLog(Settings(url=url)).settings
