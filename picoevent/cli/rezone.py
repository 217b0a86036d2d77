"""`rollups rezone`: change the reporting zone, once it was said what that does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from picoevent.cli.cells import visible
from picoevent.cli.options import current_settings
from picoevent.cli.progress import progress_bar
from picoevent.cli.verbs import verb
from picoevent.cli.verify import counted

if TYPE_CHECKING:
    from picoevent.fold.rezone import Change


@verb("rezone", "picoevent rollups rezone Europe/Berlin", "picoevent rollups rezone Europe/Berlin --yes")
@click.argument("zone")
@click.option("--yes", is_flag=True, help="Do it. Without this it is only said what would be done.")
def rezone(zone: str, *, yes: bool) -> None:
    """Change the reporting time zone, in which days and months begin.

    Days and months are cut anew, in one transaction: who reads sees the old ones until it is done, since days of two
    zones overlap. Events are stored meanwhile, and counted afterwards; a million that have to be counted anew may take
    a minute. Running workers and `picoevent serve` take the new zone by themselves; where PICOEVENT_TIMEZONE names the
    old one, a process that is started refuses.
    """
    from picoevent.cli.rollups import open_fold_store
    from picoevent.fold.rezone import change_zone, plan_change

    wanted = current_settings(timezone=zone).timezone
    with open_fold_store("fold", timezone="") as store:
        change = plan_change(store, wanted)
        if change.before.zone == wanted:
            click.echo(f"The reporting zone is {wanted} already.")
            return
        for line in _words(change):
            click.echo(visible(line))
        if not yes:
            click.echo("Nothing was changed. To do it, add --yes.")
            return
        with progress_bar("cutting anew") as advance:
            change_zone(store, wanted, current_settings().dimension_values_kept, advance)
    click.echo(f"The reporting zone is {wanted} now. Check: picoevent verify")


def _words(change: Change) -> list[str]:
    """Return what a change does, in sentences."""
    after = change.after
    if not change.begun:
        return [f"From {change.before.zone} to {after.zone}. Nothing was counted yet, so nothing is cut anew."]
    lines = [f"From {change.before.zone} to {after.zone}. Counting pauses until it is done; nothing else does."]
    if change.quarters_from > change.anew_from:
        lines.append(f"Days from {after.day_of(change.quarters_from)} on are put together from quarters of an hour.")
    if change.events:
        lines.append(f"What lies before is counted anew from about {counted(change.events, 'event')}.")
    if change.anew_from:
        first = after.day_of(change.anew_from)
        lines.append(f"Events before are dropped, so no day before {first} can be cut anew: those days go.")
        lines.append(f"Months before {first:%Y-%m} stay as {change.before.zone} has cut them. No total changes.")
    return lines
