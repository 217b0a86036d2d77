"""`serve`: what is wrong is said before anything listens."""

from __future__ import annotations

KEY = "a key of enough characters for a test"


def test_without_a_key_it_says_how_to_make_one(run, embedded_url):
    result = run("serve")

    assert result.exit_code == 2
    assert "secrets.token_urlsafe" in result.stderr
    assert "PICOEVENT_SECRET_KEY" in result.stderr


def test_without_tables_it_says_init(run, mysql_url, monkeypatch):
    monkeypatch.setenv("PICOEVENT_SECRET_KEY", KEY)

    result = run("--url", mysql_url, "serve")

    assert result.exit_code == 3
    assert result.stderr.endswith("Run: picoevent init\n")


def test_a_port_that_can_not_be_is_a_wrong_setting(run, embedded_url):
    result = run("serve", "--port", "99999")

    assert result.exit_code == 2
    assert "The setting port is 99999" in result.stderr
