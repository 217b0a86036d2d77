"""What happens to events that the database can't take now: they go into the spool, or are refused with the reason."""

from __future__ import annotations

from picoevent.accept import Draft
from picoevent.errors import (
    PicoEventError,
    Rejected,
    RejectReason,
    SettingsError,
    SpoolFull,
    SpoolUnavailable,
    StoreNotReady,
)
from picoevent.spool import Spool, SpooledEvent
from picoevent.write.counters import Counters
from picoevent.write.job import Job, Outcome

ONE_SPOOLED = (("sent", 1), ("spooled", 1))
NOT_IN_TIME = "the spool's disk did not answer within the deadline"


class Spooling:
    """Answer jobs from the spool; without one (`spool_max_mb=0`) each event is refused."""

    def __init__(self, spool: Spool | None, counters: Counters, no_spool: PicoEventError | None = None) -> None:
        self._spool = spool
        self._counters = counters
        self._no_spool = no_spool
        """Why there is none although there should be."""

    @property
    def is_possible(self) -> bool:
        """Whether there is a spool."""
        return self._spool is not None

    def keep(self, job: Job, seconds: float, *, synced: bool) -> list[Outcome]:
        """Put a claimed job's events into the spool; return their ids, or for each the reason why not.

        With `synced` they are on the disk when this returns, within so many seconds; without, in the hands of the
        operating system. What the database can't take because it has no schema for it is refused.
        """
        if self._spool is None or isinstance(job.error, (StoreNotReady, SettingsError)):
            return self._refuse(job, self._refusal_without_spool(job.error), out_of="in_flight")
        events = [
            SpooledEvent(job.event_id_at(place), draft.event_type, draft.source, draft.user_id, draft.payload, job.sent)
            for place, draft in enumerate(job.drafts)
        ]
        # Counted first: the writer's thread may drain them before this thread goes on.
        self._counters.add(in_flight=-len(events), spooled=len(events))
        try:
            position = self._spool.append(events, seconds)
        except Exception as error:  # noqa: BLE001  # at the end of the interpreter, anything may be gone already
            return self._refuse(job, refusal_for(error), out_of="spooled")
        except BaseException as interruption:
            self._refuse(job, refusal_for(interruption), out_of="spooled")
            raise
        ids: list[Outcome] = [event.event_id for event in events]
        if not synced or self._spool.wait_synced(position, seconds):
            return ids
        taken_back = self._spool.cancel([event.event_id for event in events])
        late = Rejected(RejectReason.SPOOL_UNAVAILABLE, NOT_IN_TIME)
        self._counters.refuse([late.reason] * len(taken_back), out_of="spooled")
        # What could not be taken back is on its way to the database.
        return [late if event_id in taken_back else event_id for event_id in ids]

    def keep_one(self, draft: Draft) -> Outcome:
        """Put one event that no job was made for into the spool; return its id, or the reason why not."""
        if self._spool is None:
            self._counters.add(sent=1, in_flight=1)
            return self.keep(Job([draft], 0), 0, synced=False)[0]
        event = SpooledEvent(draft.event_id, draft.event_type, draft.source, draft.user_id, draft.payload)
        self._counters.apply(ONE_SPOOLED)
        try:
            self._spool.append((event,))
        except Exception as error:  # noqa: BLE001  # as in `keep`
            return self._refuse(Job([draft], 0), refusal_for(error), out_of="spooled")[0]
        except BaseException as interruption:
            self._refuse(Job([draft], 0), refusal_for(interruption), out_of="spooled")
            raise
        return draft.event_id

    def _refusal_without_spool(self, error: PicoEventError | None) -> Rejected:
        if self._no_spool is None or isinstance(error, (StoreNotReady, SettingsError)):
            return refusal_for(error)
        return Rejected(RejectReason.SPOOL_UNAVAILABLE, f"{error or 'It was asked for.'} {self._no_spool}")

    def _refuse(self, job: Job, rejected: Rejected, *, out_of: str) -> list[Outcome]:
        self._counters.refuse([rejected.reason] * len(job.drafts), out_of=out_of)
        return [rejected] * len(job.drafts)


def refusal_for(error: BaseException | None) -> Rejected:
    """Return the refusal of an event that an error leaves no place for."""
    if isinstance(error, Rejected):
        return error
    if error is not None and not isinstance(error, PicoEventError):
        return Rejected(RejectReason.SPOOL_UNAVAILABLE, f"spooling it raised {type(error).__name__}")
    return Rejected(_reason_of(error), str(error or "the database did not answer within the deadline"))


def _reason_of(error: PicoEventError | None) -> RejectReason:
    if isinstance(error, (StoreNotReady, SettingsError)):
        return RejectReason.STORE_NOT_READY
    if isinstance(error, SpoolFull):
        return RejectReason.SPOOL_FULL
    return RejectReason.SPOOL_UNAVAILABLE if isinstance(error, SpoolUnavailable) else RejectReason.STORE_UNAVAILABLE
