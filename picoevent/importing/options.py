"""What the caller of an import may say about its files; every field has a default."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from picoevent.errors import SettingsError


class FileFormat(StrEnum):
    """The formats of files that can be imported."""

    NDJSON = "ndjson"
    CSV = "csv"
    ACCESS_LOG = "access-log"


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to read files: without options, the name and the first lines of each file decide.

    `event_type` is the type of all events; a whole JSON object or CSV line then becomes the data. `source` is
    the source of all events, whatever a line says. `time_field` and `user_field` name the keys or columns
    that hold time and user (an access log has its own). `timezone` says, by its IANA name, what times without
    an offset mean. Raises `SettingsError` for a time zone that is not known.
    """

    file_format: FileFormat | None = None
    event_type: str | None = None
    source: str | None = None
    time_field: str | None = None
    user_field: str | None = None
    timezone: str | None = None

    def __post_init__(self) -> None:
        _ = self.zone

    @property
    def zone(self) -> ZoneInfo | None:
        """The time zone of times without an offset, where one was named."""
        if not self.timezone:
            return None
        try:
            return ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise SettingsError(
                f"The time zone {self.timezone!r} is not known.",
                hint="Use a name such as Europe/Berlin or UTC.",
            ) from error
