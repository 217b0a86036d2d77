"""What a server's settings mean for what log() has promised: sentences for whoever can change them."""

from __future__ import annotations

from sqlalchemy import Connection, text

QUESTION = text(
    "SELECT @@innodb_flush_log_at_trx_commit AS flush, @@log_bin AS log_bin, @@sync_binlog AS sync_binlog, "
    "@@character_set_server AS charset, @@GLOBAL.sql_mode AS sql_mode"
)
STRICT_MODES = ("STRICT_ALL_TABLES", "STRICT_TRANS_TABLES")


def weaknesses(connection: Connection) -> list[str]:
    """Return a sentence for each setting with which a committed event may be lost, or another program's data spoilt.

    PicoEvent's own sessions are strict and speak utf8mb4, whatever the server's defaults are.
    """
    found = connection.execute(QUESTION).one()
    sentences = []
    if found.flush != 1:
        sentences.append(
            f"innodb_flush_log_at_trx_commit is {found.flush}: a crash of the machine can lose the last second; set 1."
        )
    if found.log_bin and found.sync_binlog != 1:
        sentences.append(f"sync_binlog is {found.sync_binlog}: a crash can leave the replica without events; set 1.")
    if found.charset.startswith("latin1"):
        sentences.append("character_set_server is latin1: tables made by hand can't hold every text; set utf8mb4.")
    if not any(mode in found.sql_mode for mode in STRICT_MODES):
        sentences.append("sql_mode is not strict: other programs may store wrong values silently; set a strict mode.")
    return sentences
