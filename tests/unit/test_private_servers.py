"""The promises of the private servers that all other tests stand on."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pymysql
import pytest
from redis import Redis
from redis.exceptions import TimeoutError as RedisTimeoutError

from picoevent.testing.servers import MariaDBServer, PrivateServerError, RedisServer, wait_for_replica


def test_a_row_written_on_the_primary_arrives_on_the_replica(mysql_url, mariadb, mariadb_replica, catch_up):
    database = mysql_url.partition("?")[0].rpartition("/")[2]
    with mariadb.cursor(database) as cursor:
        cursor.execute("CREATE TABLE t (a INT PRIMARY KEY)")
        cursor.execute("INSERT INTO t VALUES (7)")

    catch_up()

    with mariadb_replica.cursor(database) as cursor:
        cursor.execute("SELECT a FROM t")
        assert cursor.fetchall() == ((7,),)


def test_the_url_on_the_replica_names_the_same_database(mysql_url, replica_url_of, mariadb_replica):
    replica_url = replica_url_of(mysql_url)

    assert replica_url.rpartition("/")[2] == mysql_url.rpartition("/")[2]
    assert f":{mariadb_replica.port}/" in replica_url


def test_a_killed_mariadb_starts_again_with_what_was_committed(own_mariadb):
    server = own_mariadb()
    server.create_database("kept")

    server.kill()
    server.start()

    with server.address.cursor() as cursor:
        assert cursor.execute("SHOW DATABASES LIKE 'kept'") == 1


def test_a_replica_goes_on_after_its_primary_was_restarted(own_mariadb):
    primary = own_mariadb()
    replica = own_mariadb(replica_of=primary)

    primary.stop()
    primary.start()
    primary.create_database("later")

    wait_for_replica(primary.address, replica.address)
    with replica.address.cursor("later") as cursor:
        assert cursor.execute("SELECT 1") == 1


def test_mariadb_flushes_each_commit_to_disk_unless_told_otherwise(own_mariadb, mariadb):
    variables = "SELECT @@innodb_flush_log_at_trx_commit, @@sync_binlog, @@binlog_format, @@local_infile"

    with own_mariadb().address.cursor() as durable, mariadb.cursor() as quick:
        durable.execute(variables)
        quick.execute(variables)
        assert durable.fetchone() == (1, 1, "ROW", 0)
        assert quick.fetchone() == (2, 0, "ROW", 0)


def test_mariadb_lets_nobody_in_without_the_password(mariadb):
    with pytest.raises(pymysql.OperationalError, match="Access denied"):
        pymysql.connect(host="127.0.0.1", port=mariadb.port, user="root")


def test_a_paused_redis_is_silent_and_answers_again_after_resume(own_redis):
    server = own_redis()

    with Redis.from_url(server.url(), socket_timeout=0.05, retry=None) as redis:
        server.pause()
        with pytest.raises(RedisTimeoutError):
            redis.ping()

        server.resume()
        assert redis.ping()


@pytest.mark.parametrize("start", ["own_mariadb", "own_redis"])
def test_a_server_listens_only_on_loopback(start, request):
    server = request.getfixturevalue(start)()

    addresses = [address for address in _listening() if address.endswith(f":{server.port:04X}")]

    assert addresses == [f"{LOOPBACK}:{server.port:04X}"]


@pytest.mark.parametrize("test", ["first", "second"])
def test_each_test_finds_an_empty_redis(redis_url, test):
    with Redis.from_url(redis_url) as redis:
        assert redis.keys() == []

        redis.set(test, "left behind")


def test_a_server_that_is_not_installed_is_named_with_its_package(monkeypatch):
    monkeypatch.setattr(MariaDBServer, "program", "mariadbd-of-nobody")

    with pytest.raises(PrivateServerError, match=r"mariadbd-of-nobody is not installed.*mariadb-server"):
        MariaDBServer().start()


def test_a_server_that_does_not_start_shows_the_end_of_its_log(own_mariadb):
    with pytest.raises(PrivateServerError, match="unknown variable 'no-such-option"):
        own_mariadb(options=["--no-such-option=1"])


def test_a_server_dies_with_the_program_that_started_it(tmp_path):
    program = [sys.executable, "-c", PROGRAM_THAT_DIES, str(tmp_path / "where")]

    subprocess.run(program, check=False)

    port, folder = (tmp_path / "where").read_text().split()
    assert _falls_silent(int(port))
    shutil.rmtree(folder)


def test_closing_leaves_nothing_behind():
    server = RedisServer().start()
    folder = server.folder

    server.close()
    server.close()

    assert not folder.exists()
    with pytest.raises(PrivateServerError, match="does not run"):
        server.pause()


PROGRAM_THAT_DIES = """
import os, pathlib, sys
from picoevent.testing.servers import RedisServer
server = RedisServer().start()
pathlib.Path(sys.argv[1]).write_text(f"{server.port} {server.folder}")
os._exit(1)
"""
# How /proc/net/tcp writes them.
LOOPBACK = f"{int.from_bytes(socket.inet_aton('127.0.0.1'), sys.byteorder):08X}"
LISTENS = "0A"


def _listening() -> list[str]:
    tables = [Path("/proc/net", name) for name in ("tcp", "tcp6")]
    lines = [line.split() for table in tables if table.exists() for line in table.read_text().splitlines()]
    return [fields[1] for fields in lines if fields[3] == LISTENS]


def _falls_silent(port: int) -> bool:
    """Try to connect until nobody listens, for 5 s at most: a killed process needs a moment to be gone."""
    give_up = time.monotonic() + 5
    while time.monotonic() < give_up:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionError:
            return True
    return False
