"""The MariaDB that benchmarks run on: private, durable, set up as the figures of the design were measured."""

from __future__ import annotations

from pymysql.cursors import Cursor

from picoevent.testing.servers import MariaDBServer

BUFFER_POOL = "512M"
SHOWN = ("innodb_flush_log_at_trx_commit", "sync_binlog", "log_bin", "binlog_format", "innodb_buffer_pool_size")


def production_mariadb(*, local_infile: bool = False) -> MariaDBServer:
    """Return a server with each commit on disk, binary log of rows and 512 MB of buffer pool; `with` starts it.

    `MariaDBServer` sets the rest: innodb_flush_log_at_trx_commit=1, sync_binlog=1, log_bin, binlog_format=ROW.
    `local_infile` lets LOAD DATA LOCAL in.
    """
    # A redo log that takes the whole load: its pages are written by `layouts.settle`, not while we measure.
    redo_log = ("--innodb-log-file-size=512M",)
    return MariaDBServer(durable=True, buffer_pool=BUFFER_POOL, local_infile=local_infile, options=redo_log)


def describe_server(cursor: Cursor) -> str:
    """Return the version of a server, and the settings that figures depend on, as the server itself knows them."""
    cursor.execute(f"SELECT VERSION(), {', '.join(f'@@{name}' for name in SHOWN)}")
    version, *values = cursor.fetchone() or ()
    return ", ".join([f"MariaDB {version}", *(f"{name}={value}" for name, value in zip(SHOWN, values, strict=True))])
