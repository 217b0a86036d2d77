"""Writes docs/reports.md from the catalogue of reports: `python docs/make_reports.py`."""

from __future__ import annotations

import inspect
from dataclasses import fields
from functools import partial
from pathlib import Path

from picoevent.report.catalogue import REPORTS
from picoevent.report.frame import Report
from picoevent.report.intervals import INTERVALS

PAGE = Path(__file__).with_name("reports.md")
HEAD = """# Reports

A report is a question with a name. It is the same from Python and from the command line:

    answer = events.report("series", since="7d", interval="day", types=["order.paid"])
    picoevent report series --since 7d --interval day --type order.paid

`picoevent report` lists all of them, `picoevent report NAME --help` what one takes. `answer.rows` are typed rows,
`answer.totals` the figures of the whole range, and `answer.to_dict()` is ready for JSON: times are ISO 8601, decimal
numbers are texts. Parts of a whole, rates and growth are fractions, in JSON, CSV and Python alike: 0.25 is a quarter, a
`trend` of 0.5 half as much again, of -1.0 nothing left; only tables on a terminal show percent.
`--format csv` writes rows that a spreadsheet never takes for formulas.

An answer says what it is worth. `origin` is where it comes from: tiers of the rollups (month, day, quarter of an hour,
minute) and, at the edges of a range that lie within a bucket, raw rows. `as_of` is the time up to which events were
counted; an event is counted within a second or so. `exact` is false where figures are estimates, or "at least".
Distinct users and values are exact, but where a bucket had more than `set_members_kept` (5 million): then they are
estimates from a sample, off by 0.4 % as a rule, and a note says so. `retention` and `first_seen` of `uniques` compare
samples: of few users among very many, they are rough.
`since` and `until` are the range that is really covered: it is wider than the one asked for where nothing so fine is
kept any more. Minutes are kept for 3 hours, quarters of an hour for 90 days, days for 2 years, months for ever. Where
the period before stands beside this one, `previous_since` and `previous_until` in the totals are the range that it
really covers, and notes about it begin with "The period before:".
`cached_seconds` is how long ago it was computed, where it came from the [cache of answers](freshness.md).

Dimensions and measures have to be [declared](declarations.md) first. `top_users`, `funnel`, `intervals` and
`suspicious` read raw rows, `sessions` those of the newest days, and `goals` where no tier counts what a goal's filters
let through. Such a question is refused where it would read too much, with what to do about it; the limits are
`PICOEVENT_REPORT_MAX_ROWS`, `..._MAX_SECONDS` and `..._MAX_AT_ONCE` ([settings](settings.md)).

## Common arguments

Every report takes the first three; the others where it says so.

| Argument | Command line | What it is |
|---|---|---|
| `since`, `until` | `--since`, `--until` | The range; `until` does not count. Aware datetimes, or texts (below). |
| `zone` | `--zone` | The time zone of days and hours, such as `Asia/Kathmandu`; by default the reporting time zone. |
| `types` | `--type` | Only these event types, 20 at most. |
| `sources` | `--source` | Only these sources. |
| `interval` | `--interval` | `minute`, `quarter` (of an hour), `hour`, `day`, `week` or `month`. |
| `filters` | `--where PATH=VALUE` | Only these values of dimensions, as rows show them: `{"plan": ["team", "solo"]}`. |
| `limit` | `--limit` | How many rows at most, 1 to 1,000; 10 by default. |
| `compare` | `--compare` | Put the period before beside this one: as many whole months, as many days, or as long. |

Texts for times: `7d` (ago; also `90s`, `30m`, `2h`, `4w`), `now`, `today`, `yesterday`, `this week`, `last week`,
`this month`, `last month`, `this year` (each is where it begins), `2026-11-01`, `2026-11-01T10:30`,
`2026-11-01T10:30+01:00`. Days are those of the zone; weeks begin on Monday.

A filter asks for a value as reports show it. `plan=` is the empty text. `plan=(none)` is no value: the key is missing,
or null; from Python it is None, too. A value that is the text `(none)` or `(other)` itself stands in double quotes
wherever it is shown, and is asked for like that: `'plan="(none)"'`. So each value has one way to write it, and what a
row shows can be put into a filter, into a step of a funnel, a goal, or the `value` of `history`. Numbers and booleans
are their JSON.

This page is written by `python docs/make_reports.py`.
"""


def reports_page() -> str:
    """Return the page."""
    return HEAD + "".join(_section(report) for report in REPORTS)


def _section(report: Report) -> str:
    takes = ", ".join(map(partial(_argument, report), report.takes)) or "none but the range and the zone"
    parts = [f"\n## {report.name}\n\n{report.summary}. Takes {takes}; {report.range_in_words}.\n"]
    if report.options:
        parts.append("\n| Option | What it is |\n|---|---|\n")
        parts += [f"| `{name}` | {text} |\n" for name, text in report.options.items()]
    if report.row is not None:
        parts.append(f"\nRows: {_names(report.row)}.\n\n{inspect.getdoc(report.row)}\n")
    return "".join(parts)


def _argument(report: Report, name: str) -> str:
    some = name == "interval" and len(report.intervals) < len(INTERVALS)
    return f"`{name}` ({', '.join(report.intervals)})" if some else f"`{name}`"


def _names(row: type) -> str:
    return ", ".join(f"`{field.name}` ({field.type})" for field in fields(row))


if __name__ == "__main__":
    PAGE.write_text(reports_page(), encoding="utf-8")
