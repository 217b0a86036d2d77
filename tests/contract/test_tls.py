"""TLS to MySQL and to Redis: on where a CA is named, and no connection to a server that the CA does not vouch for."""

from __future__ import annotations

import pytest
import trustme

from picoevent import EventLog, Settings, StoreUnavailable
from picoevent.cache.redis import RedisCache
from picoevent.store import open_store
from picoevent.store.base import Purpose
from picoevent.store.record import Record
from picoevent.testing.process import free_port


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A CA, the files of a certificate for 127.0.0.1, and the file of another CA."""
    folder = tmp_path_factory.mktemp("tls")
    ca, other = trustme.CA(), trustme.CA()
    certificate = ca.issue_cert("127.0.0.1")
    files = {name: str(folder / name) for name in ("ca", "other", "certificate", "key")}
    ca.cert_pem.write_to_path(files["ca"])
    other.cert_pem.write_to_path(files["other"])
    certificate.private_key_pem.write_to_path(files["key"])
    for part in certificate.cert_chain_pems:
        part.write_to_path(files["certificate"], append=True)
    return files


@pytest.fixture
def tls_url(own_mariadb, authority, initialise):
    """A database on a server that accepts nothing but TLS, and its schema."""
    options = [f"--ssl-cert={authority['certificate']}", f"--ssl-key={authority['key']}"]
    server = own_mariadb(durable=False, options=options)
    url = server.create_database("picoevent")
    initialise(url)
    with server.address.cursor() as cursor:
        cursor.execute("SET GLOBAL require_secure_transport = 1")
    return url


def test_mysql_is_reached_by_tls_and_only_where_the_ca_vouches_for_it(tls_url, authority):
    with EventLog(tls_url, tls_ca=authority["ca"]) as events:
        assert events.log("secure", {"n": 1}) is not None
        with events._parts.store.transaction() as connection:
            cipher = connection.exec_driver_sql("SHOW STATUS LIKE 'Ssl_cipher'").one()[1]
    with EventLog(tls_url, tls_ca=authority["other"]) as deceived, pytest.raises(StoreUnavailable, match="certificate"):
        deceived.events()

    assert cipher


def test_a_batch_is_sent_as_arrays_by_tls_too(tls_url, authority):
    store = open_store(tls_url, Settings(url=tls_url, tls_ca=authority["ca"]), Purpose.WRITE)
    with store.writing() as transaction:
        transaction.insert([Record(1, 1, 1, None, None, b"{}")], {})

    with store.writing() as transaction:
        assert transaction._connection.takes_arrays
        assert transaction.find_events([1]) == {1: (1, 1, None, b"{}")}
    store.close()


def test_redis_is_reached_by_tls_and_only_where_the_ca_vouches_for_it(own_redis, authority):
    port = free_port()
    files = ["--tls-cert-file", authority["certificate"], "--tls-key-file", authority["key"]]
    own_redis(options=["--tls-port", str(port), *files, "--tls-auth-clients", "no"])
    url = f"rediss://127.0.0.1:{port}/0"

    trusted = RedisCache(Settings(cache_url=url, cache_tls_ca=authority["ca"], cache_timeout_ms=2000))
    trusted.put_many({1: b"kept"})
    deceived = RedisCache(Settings(cache_url=url, cache_tls_ca=authority["other"], cache_timeout_ms=2000))

    assert trusted.get_many([1]) == {1: b"kept"}
    assert deceived.get_many([1]) == {}
    trusted.close()
    deceived.close()


def test_a_ca_for_a_redis_without_tls_is_a_wrong_setting():
    with pytest.raises(Exception, match="cache_tls_ca needs TLS"):
        Settings(cache_url="redis://127.0.0.1/0", cache_tls_ca="/ca.pem")
