"""A lost factor that was reported: looked up apart from the page, which answers everybody alike."""

from __future__ import annotations

from ersr import clock
from ersr.jobs.queue import job
from ersr.people.actions.recovering import begin_recovery


@job("lost_factor")
def begin(subject: str) -> None:
    begin_recovery(subject, now=clock.real())
