"""Signing in by password and by link: what gets in, what does not, and what is said and logged of it."""

from __future__ import annotations

import re

import pytest

PASSWORD = "four words in a row"


def test_after_signing_in_the_events_are_there(stranger, path_of):
    assert path_of(stranger.sign_in()) == "/"
    assert path_of(stranger.get("/")) == "/events/"
    assert stranger.get("/events/").status_code == 200
    assert "Ann Example" in stranger.last.text


def test_signing_in_works_on_each_store(make_app, store_url, sign_in_to):
    browser = sign_in_to(make_app(store_url))

    assert browser.get("/events/").status_code == 200


def test_signing_in_leads_back_to_the_page_that_was_asked_for(stranger):
    sign_in = stranger.get("/events/?type=a%26b&limit=25").headers["Location"]

    assert stranger.sign_in(path=sign_in).headers["Location"] == "/events/?type=a%26b&limit=25"


@pytest.mark.parametrize(
    ("name", "password"),
    [("Ann Example", "wrong password"), ("Nobody", PASSWORD), ("", ""), ("Off", PASSWORD), ("x" * 5000, "y" * 5000)],
    ids=["wrong password", "unknown name", "nothing", "disabled", "very long"],
)
def test_a_failed_sign_in_says_the_same_whatever_was_wrong(stranger, analysts, name, password):
    analysts.create("Off", PASSWORD)
    analysts.disable("Off")

    response = stranger.sign_in(name, password)

    assert response.status_code == 401
    assert "This name and password do not belong together." in response.text
    assert stranger.get("/events/").status_code == 302


def test_a_name_that_failed_is_shown_again_as_text(stranger):
    response = stranger.sign_in('"><script>alert(1)</script>', "wrong password")

    assert "<script>alert" not in response.text
    assert "&lt;script&gt;alert(1)" in response.text


def test_without_the_forms_token_nobody_signs_in(stranger):
    response = stranger.client.post("/sign-in", data={"name": "Ann Example", "password": PASSWORD})

    assert response.status_code == 400
    assert "This form is too old" in response.text
    assert stranger.get("/events/").status_code == 302


def test_the_token_of_another_session_is_refused(app, stranger):
    other = app.test_client()
    token = re.search('csrf_token" value="([^"]+)"', other.get("/sign-in").text)[1]
    stranger.get("/sign-in")

    response = stranger.client.post("/sign-in", data={"name": "Ann Example", "password": PASSWORD, "csrf_token": token})

    assert response.status_code == 400


def test_nothing_of_the_session_before_stays_after_signing_in(stranger):
    stranger.get("/sign-in")
    with stranger.client.session_transaction() as session:
        session["planted"] = True

    stranger.sign_in()

    with stranger.client.session_transaction() as session:
        assert "planted" not in session
        assert session["_user_id"]


def test_signing_out_ends_the_session(browser, path_of):
    assert path_of(browser.sign_out()) == "/sign-in"
    assert browser.get("/events/").status_code == 302


def test_signing_out_ends_a_session_whose_cookie_was_copied(app, browser, browser_of):
    thief = browser_of(app)
    thief.client._cookies.update(browser.client._cookies)
    assert thief.get("/events/").status_code == 200

    browser.sign_out()

    assert thief.get("/events/").status_code == 302
    assert browser.sign_in().status_code == 302
    assert browser.get("/events/").status_code == 200


def test_signing_out_is_not_a_link(browser):
    assert browser.get("/sign-out").status_code == 405
    assert browser.get("/events/").status_code == 200


def test_signing_out_needs_the_forms_token(browser):
    assert browser.client.post("/sign-out").status_code == 400
    assert browser.get("/events/").status_code == 200


def test_whoever_is_signed_in_is_not_asked_again(browser, path_of):
    assert path_of(browser.get("/sign-in?next=/event-types/")) == "/event-types/"


def test_a_link_signs_in_at_the_press_of_its_button(stranger, analysts):
    token = analysts.make_sign_in_link(analysts.find("Ann Example"))

    page = stranger.get(f"/sign-in/link/{token}")

    assert "Sign in as Ann Example" in page.text
    assert stranger.send(f"/sign-in/link/{token}").status_code == 302
    assert stranger.get("/events/").status_code == 200


def test_looking_at_a_link_writes_nothing(stranger, analysts, statements):
    token = analysts.make_sign_in_link(analysts.find("Ann Example"))
    statements.clear()

    for _ in range(3):
        assert stranger.get(f"/sign-in/link/{token}").status_code == 200

    assert all(re.match("SELECT|BEGIN|PRAGMA", statement) for statement in statements)


def test_a_used_link_says_so(app, stranger, analysts):
    token = analysts.make_sign_in_link(analysts.find("Ann Example"))
    stranger.send(f"/sign-in/link/{token}")

    again = app.test_client().get(f"/sign-in/link/{token}")

    assert again.status_code == 410
    assert "This link was used, or has run out" in again.text


def test_a_link_that_is_used_while_another_looks_at_it_lets_only_the_first_in(stranger, analysts):
    token = analysts.make_sign_in_link(analysts.find("Ann Example"))
    stranger.get(f"/sign-in/link/{token}")
    form_token = re.search('csrf_token" value="([^"]+)"', stranger.last.text)[1]
    analysts.use_sign_in_link(token)

    response = stranger.client.post(f"/sign-in/link/{token}", data={"csrf_token": form_token})

    assert response.status_code == 410
    assert stranger.get("/events/").status_code == 302


def test_sign_ins_are_logged_without_passwords_and_tokens(stranger, analysts, caplog):
    caplog.set_level("INFO", "picoevent_admin")
    token = analysts.make_sign_in_link(analysts.find("Ann Example"))

    stranger.sign_in("Ann\nforged line", "wrong password")
    stranger.sign_in()
    stranger.send(f"/sign-in/link/{token}")

    assert caplog.messages == [
        "Failed sign-in as Ann\\u000aforged line from 127.0.0.1",
        "Ann Example signed in by password from 127.0.0.1",
        "Ann Example signed in by link from 127.0.0.1",
    ]
