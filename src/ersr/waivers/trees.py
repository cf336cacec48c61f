"""The tree of the list that an instrument will cover: read, hashed and judged before anything is locked.

Hashing takes microseconds a name, so seconds for millions of them, and a transaction that lasts seconds keeps everybody else from
filing. Small lists are hashed while somebody waits for the preview; for large ones the worker does it, and a row says how far it is.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ersr.core.errors import Refusal
from ersr.core.terms import NamesTerms
from ersr.core.tongue import said
from ersr.lists.models import ListVersion
from ersr.lists.queries import latest, records_of
from ersr.people.models import Person
from ersr.proof.membership import SECRET
from ersr.proof.tiles import Tiles
from ersr.requests.models import Line, Request
from ersr.waivers.models import ListTree

#: Lists of up to so many names are hashed at once: a quarter of a second here.
AT_ONCE = 50_000


@dataclass(frozen=True)
class Rooted:
    """A version of a list with the root of its tree under `secret`. `row`: the worker's, to be used up."""

    version: ListVersion
    secret: bytes
    root: str
    records: int
    row: ListTree | None = None

    @property
    def terms(self) -> NamesTerms:
        """What an instrument says of it: of a list with windows these too, since its names alone do not tell them."""
        names = NamesTerms(self.version.digest, self.version.names, self.root)
        if self.version.content_digest == self.version.digest:
            return names
        return NamesTerms(names.digest, names.size, names.root, self.version.content_digest, self.records)


def version_of(lines: Sequence[Line]) -> ListVersion | None:
    """The newest version of the one list that the lines are about, if they are about one."""
    lists = {line.name_list_id: line.name_list for line in lines if line.name_list_id}
    versions = [latest(row) for row in lists.values() if row is not None]
    if len(versions) > 1:
        raise Refusal("not_now", said("Lines on several lists are not signed in one instrument: decide them by list."))
    return versions[0] if versions else None


def rooted(version: ListVersion, secret: bytes = b"", heard: Callable[[int], None] | None = None) -> Rooted:
    """Hashes the version's records under the secret (a fresh one if none is given). Call it outside of a transaction.

    One process does it: a service does not start others for the time of an answer. `heard` is told now and then how many records are
    done. Refusal("damaged") unless the records that were hashed are those of the version.
    """
    secret = secret or secrets.token_bytes(SECRET)
    with records_of(version) as lines:
        if lines.digest != version.content_digest or not lines.whole():
            raise Refusal("damaged", said("What is kept of list {number} beside its file was altered: remove {folder}.", number=version.of.number, folder=str(lines.path.parent)))
        tiles = Tiles.of(lines, secret, workers=1, heard=heard)
    return Rooted(version, secret, tiles.root.hex(), tiles.size)


def tree_of(request: Request, instrument: str, person: Person) -> ListTree | None:
    """The worker's tree for this person's preview, made or being made; only of the version that would be signed now."""
    row = ListTree.objects.select_related("version__of").filter(request=request, instrument=instrument, made_by=person).first()
    return row if row is not None and row.version == latest(row.version.of) else None
