"""`worker`: the process that folds, in production; others of it stand by."""

from __future__ import annotations

import logging
import signal
import threading

import click

from picoevent.cli.options import current_settings
from picoevent.cli.serving import log_to_stderr
from picoevent.cli.verbs import verb

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@verb("worker", "picoevent worker", "picoevent worker --once")
@click.option("--once", is_flag=True, help="Count what waits now, and end.")
def worker(*, once: bool) -> None:
    """Count events into the rollups that reports read.

    An event is counted within a second. Runs until Ctrl-C or SIGTERM. Start one on two machines: one of them counts,
    the other stands by and takes over within 5 seconds. `picoevent serve` has one inside, too.
    """
    from picoevent.fold.worker import Folder

    folder = Folder(current_settings())
    try:
        # Before anything runs for days: a database that is not there, or has no tables, is an error now.
        folder.store.installation_value("timezone")
        if once:
            events = folder.fold_all()
            folder.keep_up()
            click.echo("1 event counted." if events == 1 else f"{events:,} events counted.")
            return
        log_to_stderr(logging.INFO)
        stop = threading.Event()
        for number in SIGNALS:
            signal.signal(number, lambda _number, _frame: stop.set())
        click.echo(f"{folder.store.label}: counting events, or standing by while another does. Ctrl-C stops it.")
        folder.run(stop)
    finally:
        folder.close()
    click.echo("Stopped.")
