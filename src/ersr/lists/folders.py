"""A version of a list as the folder that names/folder.py describes, so that everything in names/ works on it.

Made from the stored Parquet when it is asked for and not there: a thief of the folders gains what the store holds, and whoever
removes them costs us the time to make them again. They are no part of a backup.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from ersr.files import store
from ersr.lists.models import ListVersion, PopularityList
from ersr.names import folder as folders
from ersr.names.screen import Popularity


def place(version: ListVersion) -> Path:
    """Where the folder lies, whether or not it is there: versions with the same records share it."""
    return Path(settings.ERSR_HOME) / "lists" / version.content_digest


def folder_of(version: ListVersion) -> Path:
    """The folder: summary.json (counts and digests), slices/TLD.txt, list.parquet; records.map lies there once it was asked for.

    Takes seconds for millions of names when it is not there yet: call it outside of a transaction. Refusal("damaged") if the stored
    file is not what its row says.
    """
    found = place(version)
    if not (found / folders.SUMMARY).is_file():
        with folders.building(found) as made:
            _fill(version, made)
            folders.settle(made, found, replace=True)
    return found


def ranks(popular: PopularityList) -> Path:
    """The popularity list as Parquet (name, rank), for joins."""
    import polars

    found = Path(settings.ERSR_HOME) / "lists" / f"popular-{popular.file_id}"
    if not found.is_file():
        known = Popularity.parse(store.get(popular.file_id))
        with folders.building(found) as made:
            polars.DataFrame({"name": list(known), "rank": list(known.values())}).write_parquet(made / "ranks")
            os.replace(made / "ranks", found)
    return found


def taking(digest: str) -> Path:
    """The name under which the folder of a file with that digest is filled, before it is known what is in it."""
    return Path(settings.ERSR_HOME) / "lists" / f"sent-{digest}"


def settle(made: Path, told: dict[str, Any]) -> None:
    """A folder that intake filled becomes the one of its content. Of what was refused it keeps nothing: that is one file's, and the
    folder is that of every version with these records."""
    (made / folders.REFUSED).unlink()
    (made / folders.SUMMARY).write_text(_summary(told))
    found = Path(settings.ERSR_HOME) / "lists" / told["content_digest"]
    if not (found / folders.SUMMARY).is_file():
        folders.settle(made, found, replace=True)


def sweep(*, now: datetime) -> None:
    """Takes away what killed processes left unfinished: nothing that lives is a day old."""
    for left in (Path(settings.ERSR_HOME) / "lists").glob(".*.unfinished-*"):
        with suppress(FileNotFoundError):
            if now.timestamp() - left.stat().st_mtime > store.LEFT_OVER.total_seconds():
                shutil.rmtree(left, ignore_errors=True)


def _summary(told: dict[str, Any]) -> str:
    return json.dumps({key: told[key] for key in ("names", "tlds", "digest", "content_digest")}, indent=2) + "\n"


def _fill(version: ListVersion, made: Path) -> None:
    import polars

    shutil.copyfile(store.path(version.file_id), made / folders.LIST)
    names = polars.read_parquet(made / folders.LIST, columns=["name"]).unique(maintain_order=True)
    (made / folders.SLICES).mkdir()
    parts = names.with_columns(tld=polars.col("name").str.split(".").list.last()).partition_by("tld", as_dict=True, include_key=False)
    for (tld,), part in parts.items():
        part.write_csv(made / folders.SLICES / f"{tld}.txt", include_header=False, quote_style="never")
    told = {
        "names": version.names,
        "tlds": version.tlds,
        "digest": version.digest,
        "content_digest": version.content_digest,
    }
    (made / folders.SUMMARY).write_text(_summary(told))
