"""A file that a person or a program sends, on its way to the disk: where the store will want it, hashed as it comes, never in memory."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from ersr.files import store


class Incoming(FileUploadHandler):
    """For what is too large for memory (FILE_UPLOAD_MAX_MEMORY_SIZE). Of a file that nobody takes, because it is larger than the
    largest, the rest is counted and thrown away."""

    arriving: store.Arriving | None = None

    def new_file(self, *words: Any, **named: Any) -> None:
        super().new_file(*words, **named)
        self.arriving, self.size = store.Arriving(), 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        assert self.arriving is not None
        self.size += len(raw_data)
        if self.size <= largest():
            self.arriving.write(raw_data)

    def file_complete(self, file_size: int) -> Received:
        arriving, self.arriving = self.arriving, None
        assert arriving is not None
        return Received(arriving, self.file_name, self.content_type, file_size, self.charset, self.content_type_extra)

    def upload_interrupted(self) -> None:
        if self.arriving is not None:
            self.arriving.close()


class Received(UploadedFile):
    """`arriving`: what the store takes without copying it."""

    def __init__(self, arriving: store.Arriving, *words: Any) -> None:
        arriving.sync()
        arriving.file.seek(0)
        super().__init__(arriving.file, *words)
        self.arriving = arriving

    def close(self) -> None:
        self.arriving.close()


def to_keep(file: UploadedFile) -> UploadedFile | store.Arriving:
    """What store.keep takes with the least work: of a file that lies on the disk already, that one."""
    return file.arriving if isinstance(file, Received) else file


def largest() -> int:
    return max(settings.ERSR_LIST_BYTES, settings.ERSR_EVIDENCE_LIMIT)
