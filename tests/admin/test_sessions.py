"""When a session ends: idle, after half a day, with the password; and what its cookie may be used for."""

from __future__ import annotations

import time

import pytest

from picoevent import Settings, SettingsError
from picoevent_admin import create_app


def age(browser, seconds: int) -> None:
    """Make the session of a browser older than it is."""
    with browser.client.session_transaction() as session:
        session["signed_in_at"] -= seconds


def cookie(response) -> str:
    return response.headers["Set-Cookie"]


@pytest.mark.parametrize("key", ["", "short", "k" * 31])
def test_without_a_long_secret_key_there_is_no_application(sqlite_url, key):
    with pytest.raises(SettingsError, match="secret") as refused:
        create_app(Settings(url=sqlite_url, secret_key=key))

    assert key == "" or key not in str(refused.value)


def test_it_says_how_to_make_a_key(sqlite_url):
    with pytest.raises(SettingsError) as refused:
        create_app(Settings(url=sqlite_url))

    assert "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'" in refused.value.hint
    assert "PICOEVENT_SECRET_KEY" in refused.value.hint


def test_a_new_password_ends_a_session_everywhere(app, browser, analysts):
    analysts.set_password("Ann Example", "another four words in a row")

    assert browser.get("/events/").status_code == 302


def test_a_session_ends_after_twelve_hours_however_busy(browser):
    age(browser, 12 * 3600 - 60)
    assert browser.get("/events/").status_code == 200

    age(browser, 120)

    assert browser.get("/events/").status_code == 302


def test_a_session_ends_after_half_an_hour_without_a_page(app, browser, monkeypatch):
    real = time.time
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: real() + 29 * 60)
    assert browser.get("/events/").status_code == 200

    # The page above has renewed the cookie at that later time.
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: real() + 58 * 60)
    assert browser.get("/events/").status_code == 200

    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: real() + 58 * 60 + 1801)
    assert browser.get("/events/").status_code == 302


def test_a_cookie_signed_with_another_key_is_worth_nothing(make_app, sqlite_url, browser, tmp_path):
    other = make_app(f"sqlite:///{tmp_path}/other.db")
    other.secret_key = "another secret key that is long enough"
    client = other.test_client()
    for name, kept in browser.client._cookies.items():
        client.set_cookie(name[2], kept.value)

    assert client.get("/events/").status_code == 302


def test_the_cookie_is_kept_from_scripts_and_other_sites(stranger):
    sent = cookie(stranger.get("/sign-in"))

    assert "HttpOnly" in sent
    assert "SameSite=Lax" in sent
    assert "Path=/" in sent
    assert "Domain" not in sent


def test_behind_tls_the_cookie_is_secure_and_bound_to_its_host(make_app, sqlite_url):
    app = make_app(sqlite_url, secure_cookies=True)

    sent = cookie(app.test_client().get("/sign-in", base_url="https://bi.example"))

    assert sent.startswith("__Host-picoevent=")
    assert "Secure" in sent


def test_signing_in_works_behind_tls(make_app, sqlite_url):
    app = make_app(sqlite_url, secure_cookies=True)
    client = app.test_client()
    page = client.get("/sign-in", base_url="https://bi.example")
    token = page.text.split('csrf_token" value="')[1].split('"')[0]

    response = client.post(
        "/sign-in",
        data={"name": "Ann Example", "password": "four words in a row", "csrf_token": token},
        base_url="https://bi.example",
        headers={"Referer": "https://bi.example/sign-in"},
    )

    assert response.status_code == 302


def test_two_applications_on_one_host_do_not_share_a_cookie(make_app, tmp_path):
    first, second = make_app(f"sqlite:///{tmp_path}/1.db"), make_app(f"sqlite:///{tmp_path}/2.db")
    assert first.config["SESSION_COOKIE_NAME"] == second.config["SESSION_COOKIE_NAME"]

    other = create_app(Settings(url=f"sqlite:///{tmp_path}/2.db", secret_key="another secret key that is long enough"))

    assert first.config["SESSION_COOKIE_NAME"] != other.config["SESSION_COOKIE_NAME"]
    other.extensions["picoevent"].close()


def test_nobody_is_remembered_longer_than_a_session(browser):
    assert "remember" not in browser.get("/events/").headers["Set-Cookie"]


def test_files_and_health_set_no_cookie(browser):
    assert "Set-Cookie" not in browser.get("/static/picoevent.css").headers
    assert "Vary" not in browser.get("/static/picoevent.css").headers
    assert "Set-Cookie" not in browser.get("/healthz").headers


@pytest.mark.parametrize(("proxies", "address"), [(0, "127.0.0.1"), (1, "203.0.113.7"), (2, "198.51.100.9")])
def test_the_visitors_address_is_believed_from_as_many_proxies_as_are_trusted(
    make_app, sqlite_url, caplog, proxies, address
):
    caplog.set_level("INFO", "picoevent_admin")
    app = make_app(sqlite_url, trusted_proxies=proxies)

    app.test_client().get("/events/", headers={"X-Forwarded-For": "192.0.2.1, 198.51.100.9, 203.0.113.7"})

    assert f" to {address}:" in caplog.text
