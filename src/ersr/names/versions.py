"""Two versions of a list: which names came, which went, which stay. Told before a new version is adopted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ersr.names import folder as folders

if TYPE_CHECKING:
    import polars

_COLUMNS = ("name", "valid_from", "valid_until")


@dataclass(frozen=True)
class Changes:
    """Entries (name and window) that only the new version has, that only the old one had, and that both have: as frames with the
    columns of list.parquet, in order; of `kept` only the count."""

    added: polars.DataFrame
    removed: polars.DataFrame
    kept: int

    def counts(self) -> dict[str, Any]:
        return {"added": self.added.height, "removed": self.removed.height, "kept": self.kept}

    @property
    def none(self) -> bool:
        return not self.added.height and not self.removed.height

    def words(self) -> str:
        """What adopting the new version does, for a terminal."""
        first = [f" (first {frame['name'][0]})" if frame.height else "" for frame in (self.added, self.removed)]
        return f"Added {self.added.height:,}{first[0]}, removed {self.removed.height:,}{first[1]}, kept {self.kept:,}."


def compare(old: polars.DataFrame, new: polars.DataFrame) -> Changes:
    """Of two frames as list.parquet holds them: unique rows, with windows or without."""
    old, new = _wide(old), _wide(new)
    added = new.join(old, on=_COLUMNS, how="anti", nulls_equal=True, maintain_order="left")
    removed = old.join(new, on=_COLUMNS, how="anti", nulls_equal=True, maintain_order="left")
    return Changes(added, removed, new.height - added.height)


def between(old: Path, new: Path) -> Changes | None:
    """Of two folders; None if the old one holds no list."""
    import polars

    try:
        return compare(polars.read_parquet(old / folders.LIST), polars.read_parquet(new / folders.LIST))
    except (OSError, polars.exceptions.PolarsError):
        return None


def _wide(frame: polars.DataFrame) -> polars.DataFrame:
    import polars

    missing = [polars.lit(None, dtype=polars.String).alias(name) for name in _COLUMNS if name not in frame.columns]
    return frame.with_columns(missing).select(_COLUMNS)
