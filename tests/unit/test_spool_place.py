"""Where a spool lies: one folder for each database, found again by the next process."""

from __future__ import annotations

from pathlib import Path

import pytest

from picoevent import Settings, SettingsError
from picoevent.spool import spool_folder
from picoevent.spool.place import safe_name

MYSQL = "mysql://app:geheim@db1/shop"


def test_it_lies_beside_an_embedded_database(tmp_path):
    assert spool_folder(Settings(url=f"sqlite:///{tmp_path}/a.db")) == tmp_path / "a.db-spool"


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"HOME": "/home/ann"}, "/home/ann/.local/state/picoevent/shop@db1-3306"),
        ({"HOME": "/home/ann", "XDG_STATE_HOME": "/var/lib/ann"}, "/var/lib/ann/picoevent/shop@db1-3306"),
        ({"HOME": "/home/ann", "XDG_STATE_HOME": "state"}, "/home/ann/.local/state/picoevent/shop@db1-3306"),
    ],
    ids=str,
)
def test_for_a_server_it_lies_where_a_user_keeps_state(environ, folder):
    assert spool_folder(Settings(url=MYSQL), environ) == Path(folder)


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}, {"HOME": "home"}], ids=str)
def test_where_nobody_is_at_home_a_place_must_be_named(environ):
    with pytest.raises(SettingsError, match="PICOEVENT_SPOOL_DIR"):
        spool_folder(Settings(url=MYSQL), environ)


def test_two_servers_with_a_database_of_one_name_are_two_places():
    urls = [MYSQL, "mysql://app@db2/shop", "mysql://app@db1:3307/shop", "mysql://app@db1/shop_2"]

    assert len({spool_folder(Settings(url=url), {"HOME": "/home/ann"}) for url in urls}) == 4


def test_a_folder_that_is_named_stands_above_the_rule(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert spool_folder(Settings(url=MYSQL, spool_dir="/srv/spool"), {}) == Path("/srv/spool")
    assert spool_folder(Settings(url=MYSQL, spool_dir="spool"), {}) == tmp_path / "spool"


def test_names_of_databases_stay_different_and_within_the_folder():
    names = ["shop", "shop.eu", "a/b", "a_b", "..", ".", "", "é", "x" * 200, "x" * 201, "../../etc"]

    safe = [safe_name(name) for name in names]

    assert safe[:2] == ["shop", "shop.eu"]
    assert len(set(safe)) == len(names)
    assert all("/" not in name and name not in ("", ".", "..") and len(name) < 100 for name in safe)
