"""Merkle trees as RFC 6962, kept in 256-hash tiles as C2SP tlog-tiles.

Everything is built on one question, "what is the hash of this full subtree?" (`Node`), answered from a list of leaf
hashes or from stored tiles. Hashes are 32 bytes. The functions trust what they read; the checkpoint's signature is what
vouches for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ersr.core.tongue import said
from ersr.proof.strict import unfit

HASH = 32
TILE = 256
SALT = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

#: (level, index) -> hash of the full subtree over leaves [index * 2**level, (index + 1) * 2**level).
Node = Callable[[int, int], bytes]
#: (tile level, tile index, width) -> at least width hashes, concatenated; only the first `width` are used, so a store
#: that keeps the newest version of a tile may return it whole.
ReadTile = Callable[[int, int, int], bytes]


def entry(salt: bytes, record: bytes) -> bytes:
    """What the ledger keeps of a record for ever: SHA-256(salt || record), with a salt of exactly 32 bytes.

    The fixed length keeps the border between salt and record in one place.
    """
    if len(salt) != SALT:
        raise ValueError(f"a salt has {SALT} bytes, not {len(salt)}")
    return hashlib.sha256(salt + record).digest()


#: The event row calls its ledger entry the commitment: the same 32 bytes.
commitment = entry


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


# --- subtrees ---


def _split(size: int) -> int:
    """The largest power of two smaller than `size` (RFC 6962, section 2.1), for size > 1."""
    return 1 << (size - 1).bit_length() - 1


def _range(node: Node, low: int, high: int) -> bytes:
    """MTH(D[low:high]); `low` is a multiple of the smallest power of two that is >= high - low."""
    size = high - low
    if size == 1 << size.bit_length() - 1:
        level = size.bit_length() - 1
        return node(level, low >> level)
    k = _split(size)
    return node_hash(_range(node, low, low + k), _range(node, low + k, high))


def nodes_of(hashes: Sequence[bytes]) -> Node:
    """Answers from leaf hashes held in memory."""
    levels: list[Sequence[bytes]] = [hashes]

    def node(level: int, index: int) -> bytes:
        while len(levels) <= level:
            below = levels[-1]
            levels.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])
        return levels[level][index]

    return node


def nodes_from_tiles(size: int, read_tile: ReadTile) -> Node:
    """Answers from the stored tiles of a tree of `size` leaves. Each tile is read at most once."""
    read: dict[tuple[int, int], bytes] = {}

    def node(level: int, index: int) -> bytes:
        tile_level, above = divmod(level, 8)
        first = index << above
        tile, offset = divmod(first, TILE)
        if (tile_level, tile) not in read:
            width = min(TILE, (size >> 8 * tile_level) - tile * TILE)
            hashes = read_tile(tile_level, tile, width) if width > 0 else b""
            if width < 1 or len(hashes) < width * HASH:
                raise unfit(
                    said("Tile {tile_level} holds fewer hashes than a tree of {size} leaves needs.", tile_level=tile_path(tile_level, tile), size=size)
                )
            read[tile_level, tile] = hashes[: width * HASH]
        cut = read[tile_level, tile][offset * HASH : (offset + (1 << above)) * HASH]
        row = [cut[i : i + HASH] for i in range(0, len(cut), HASH)]
        if len(row) != 1 << above:
            raise unfit(said("A tree of {size} leaves has no full subtree {index} at level {level}.", size=size, index=index, level=level))
        while len(row) > 1:
            row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row), 2)]
        return row[0]

    return node


def tree_root(size: int, node: Node) -> bytes:
    return _range(node, 0, size) if size else EMPTY_ROOT


def root(hashes: Sequence[bytes]) -> bytes:
    """The root over leaf *hashes* (not entries)."""
    return tree_root(len(hashes), nodes_of(hashes))


# --- inclusion ---


def inclusion_proof(index: int, size: int, node: Node) -> tuple[bytes, ...]:
    """RFC 6962, 2.1.1: from the leaf's sibling up to the root's child."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")

    def path(low: int, high: int) -> tuple[bytes, ...]:
        if high - low == 1:
            return ()
        middle = low + _split(high - low)
        if index < middle:
            return (*path(low, middle), _range(node, middle, high))
        return (*path(middle, high), _range(node, low, middle))

    return path(0, size)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162, 2.1.3.2; `leaf` is a leaf hash. Shares no code with the making, so no fault hides."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


# --- consistency ---


def consistency_proof(old: int, size: int, node: Node) -> tuple[bytes, ...]:
    """RFC 6962, 2.1.2: that the tree of `size` leaves begins with the tree of `old` leaves."""
    if not 0 <= old <= size:
        raise ValueError(f"a tree of {size} leaves has no earlier size {old}")
    if old in (0, size):
        return ()

    def sub(low: int, high: int, whole: bool) -> tuple[bytes, ...]:
        if old == high:
            return () if whole else (_range(node, low, high),)
        middle = low + _split(high - low)
        if old <= middle:
            return (*sub(low, middle, whole), _range(node, middle, high))
        return (*sub(middle, high, False), _range(node, low, middle))

    return sub(0, size, True)


def verify_consistency(old: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]) -> bool:
    """RFC 9162, 2.1.4.2. From the empty tree only the empty root and an empty proof are accepted."""
    if not 0 <= old <= size:
        return False
    if old == size:
        return not proof and old_root == root and (size > 0 or root == EMPTY_ROOT)
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    if not proof:
        return False
    rest = list(proof)
    first = old_root if old & (old - 1) == 0 else rest.pop(0)
    place, last = old - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    found_old = found = first
    for sibling in rest:
        if last == 0:
            return False
        if place & 1 or place == last:
            found_old, found = node_hash(sibling, found_old), node_hash(sibling, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and found_old == old_root and found == root


# --- growing a tree by batches ---


@dataclass(frozen=True)
class Frontier:
    """All that must be known of a tree to extend it: its full subtrees' roots, largest first (one a bit of `size`)."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if len(self.hashes) != self.size.bit_count() or any(len(h) != HASH for h in self.hashes):
            raise ValueError(f"a frontier of {self.size} leaves has {self.size.bit_count()} hashes of {HASH} bytes")

    def add(self, leaf: bytes) -> Frontier:
        """The frontier with one more leaf hash; costs at most log2(size) hashes."""
        hashes, size = [*self.hashes, leaf], self.size
        while size & 1:
            right, left = hashes.pop(), hashes.pop()
            hashes.append(node_hash(left, right))
            size >>= 1
        return Frontier(self.size + 1, tuple(hashes))

    @property
    def root(self) -> bytes:
        if not self.hashes:
            return EMPTY_ROOT
        found = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            found = node_hash(left, found)
        return found


@dataclass(frozen=True)
class Tile:
    """One tile to store: full when it holds 256 hashes, else it replaces the narrower one of its place."""

    level: int
    index: int
    hashes: bytes

    @property
    def width(self) -> int:
        return len(self.hashes) // HASH

    @property
    def path(self) -> str:
        return tile_path(self.level, self.index, self.width)


def append(frontier: Frontier, leaves: Sequence[bytes], read_tile: ReadTile) -> tuple[Frontier, tuple[Tile, ...]]:
    """Extend a tree by leaf hashes: the new frontier and every tile that changed, lower levels first.

    Reads at most one partial tile a level. Refuses when the stored tiles do not carry the frontier's tree.
    """
    if tree_root(frontier.size, nodes_from_tiles(frontier.size, read_tile)) != frontier.root:
        raise unfit(said("The stored tiles are not those of the tree of {size} leaves that is to be extended.", size=frontier.size))
    grown = frontier
    for leaf in leaves:
        grown = grown.add(leaf)
    tiles: list[Tile] = []
    level, fresh = 0, list(leaves)
    while fresh:
        index, width = divmod(frontier.size >> 8 * level, TILE)
        row = (read_tile(level, index, width)[: width * HASH] if width else b"") + b"".join(fresh)
        fresh = []
        for start in range(0, len(row), TILE * HASH):
            cut = row[start : start + TILE * HASH]
            tiles.append(Tile(level, index + start // (TILE * HASH), cut))
            if len(cut) == TILE * HASH:
                fresh.append(root([cut[i : i + HASH] for i in range(0, len(cut), HASH)]))
        level += 1
    return grown, tuple(tiles)


def tile_path(level: int, index: int, width: int = TILE) -> str:
    """C2SP tlog-tiles: tile/0/x001/x234/067, with .p/<width> while partial."""
    parts = [f"{index % 1000:03d}"]
    while index := index // 1000:
        parts.insert(0, f"x{index % 1000:03d}")
    return f"tile/{level}/{'/'.join(parts)}" + (f".p/{width}" if width < TILE else "")
