"""What the worker does for requests: large files of names are taken in."""

from __future__ import annotations

import time

from ersr import clock
from ersr.core.errors import Refusal
from ersr.core.tongue import said
from ersr.jobs import queue
from ersr.lists import folders
from ersr.lists.models import Upload
from ersr.lists.taking import take_large
from ersr.names import records
from ersr.requests import actions
from ersr.requests.models import Request

#: Seconds between two notes of how far an intake is: each is a statement that others may have to wait for.
NOTED = 1.0
#: What is the matter with our machine and not with the file: the job fails, is told to the operator, and is tried again.
OURS = frozenset({"damaged", "full"})


def given_up(subject: str, problem: str) -> None:
    reference, _, number = subject.partition(":")
    words = said("This list could not be taken in, though it was tried several times. Call the duty line, or send it in parts.")
    actions.refuse_upload(reference, int(number), words, now=clock.now())


@queue.job("take_list", long=True, given_up=given_up)
def take_list(subject: str) -> None:
    """`subject`: reference:number of an upload. Whatever came of it stands on the upload; once it does, this is a no-op."""
    reference, _, number = subject.partition(":")
    upload = Request.objects.get(reference=reference).incident.uploads.select_related("file")[int(number) - 1]
    if upload.state != "waiting":
        return
    noted = time.monotonic()

    def told(read: int) -> None:
        nonlocal noted
        if time.monotonic() - noted >= NOTED:
            noted = time.monotonic()
            actions.note_read(upload, read)

    try:
        taken = take_large(upload.file_id, upload.tlds, told)
        actions.finish_upload(reference, int(number), taken, now=clock.now())
    except Refusal as refusal:
        if refusal.code in OURS:
            raise
        actions.refuse_upload(reference, int(number), refusal.message, now=clock.now())
        return
    # So that whoever asks for a name next does not wait for the map.
    version = Upload.objects.get(pk=upload.pk).version
    if version is not None:
        records.open_folder(folders.folder_of(version)).close()
