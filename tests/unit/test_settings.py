"""Settings: one table, three places they come from, and an error that names the setting and the fix."""

from __future__ import annotations

import dataclasses

import pytest

from picoevent import EventLog
from picoevent.errors import SettingsError
from picoevent.settings import Settings, env_name, mask_url


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


def test_settings_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().source = "other"


def test_every_setting_says_what_it_is_for():
    for row in dataclasses.fields(Settings):
        assert row.metadata["help"].endswith("."), row.name
        assert row.metadata["group"] in ("Database", "Events", "Cache", "BI"), row.name
