"""The tree against RFC 6962's published vectors, against itself, and against every changed proof we can think of."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ersr.core.errors import Refusal
from ersr.proof import tlog

#: The eight leaves and their roots that Certificate Transparency's implementations test themselves with.
LEAVES = [
    bytes.fromhex(h)
    for h in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
PROOF_0_OF_8 = (
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
)


def hashes(count: int) -> list[bytes]:
    return [tlog.leaf_hash(n.to_bytes(4, "big")) for n in range(count)]


class Store:
    """Tiles by level and index, the newest version of each; counts how often it is read."""

    def __init__(self) -> None:
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.reads = 0

    def read(self, level: int, index: int, width: int) -> bytes:
        self.reads += 1
        return self.tiles.get((level, index), b"")

    def grow(self, frontier: tlog.Frontier, leaves: list[bytes]) -> tlog.Frontier:
        frontier, tiles = tlog.append(frontier, leaves, self.read)
        self.tiles |= {(tile.level, tile.index): tile.hashes for tile in tiles}
        return frontier


def test_roots_are_those_of_rfc_6962():
    assert tlog.root([]) == tlog.EMPTY_ROOT == hashlib.sha256(b"").digest()
    leaves = [tlog.leaf_hash(leaf) for leaf in LEAVES]
    assert [tlog.root(leaves[: n + 1]).hex() for n in range(8)] == list(ROOTS)


def test_an_inclusion_proof_is_that_of_rfc_6962():
    leaves = [tlog.leaf_hash(leaf) for leaf in LEAVES]
    assert tuple(h.hex() for h in tlog.inclusion_proof(0, 8, tlog.nodes_of(leaves))) == PROOF_0_OF_8


def test_every_inclusion_and_consistency_proof_of_small_trees_holds():
    for size in range(1, 41):
        leaves = hashes(size)
        node, root = tlog.nodes_of(leaves), tlog.root(leaves)
        for index in range(size):
            proof = tlog.inclusion_proof(index, size, node)
            assert tlog.verify_inclusion(leaves[index], index, size, proof, root)
        for old in range(size + 1):
            proof = tlog.consistency_proof(old, size, node)
            assert tlog.verify_consistency(old, size, tlog.root(leaves[:old]), root, proof)


@given(st.integers(1, 300), st.data())
def test_a_changed_inclusion_proof_never_holds(size, data):
    """Another index, another size, a hash more, less or changed: all refused."""
    leaves = hashes(size)
    index = data.draw(st.integers(0, size - 1))
    root = tlog.root(leaves)
    proof = list(tlog.inclusion_proof(index, size, tlog.nodes_of(leaves)))
    other = data.draw(st.integers(0, size + 2).filter(lambda n: n != index))
    assert not tlog.verify_inclusion(leaves[index], other, size, proof, root)
    assert not tlog.verify_inclusion(leaves[index], index, size, [*proof, root], root)
    assert not tlog.verify_inclusion(root, index, size, proof, tlog.EMPTY_ROOT)
    if proof:
        assert not tlog.verify_inclusion(leaves[index], index, size, proof[:-1], root)
        place = data.draw(st.integers(0, len(proof) - 1))
        proof[place] = bytes(32)
        assert not tlog.verify_inclusion(leaves[index], index, size, proof, root)


def test_a_proof_that_stops_below_the_root_never_holds():
    """The root of two leaves, said to be that of a larger tree: the path is too short for the size."""
    leaves = hashes(2)
    assert tlog.verify_inclusion(leaves[0], 0, 2, [leaves[1]], tlog.root(leaves))
    for size in (3, 4, 5, 8):
        assert not tlog.verify_inclusion(leaves[0], 0, size, [leaves[1]], tlog.root(leaves))
        assert not tlog.verify_consistency(1, size, leaves[0], tlog.root(leaves), [leaves[1]])


@given(st.integers(2, 300), st.data())
def test_a_rewritten_past_is_never_consistent(size, data):
    """A tree in which one early leaf was exchanged does not continue the old one."""
    leaves = hashes(size)
    old = data.draw(st.integers(1, size - 1))
    changed = list(leaves)
    changed[data.draw(st.integers(0, old - 1))] = bytes(32)
    proof = tlog.consistency_proof(old, size, tlog.nodes_of(changed))
    assert not tlog.verify_consistency(old, size, tlog.root(leaves[:old]), tlog.root(changed), proof)
    good = tlog.consistency_proof(old, size, tlog.nodes_of(leaves))
    assert not tlog.verify_consistency(old, size, tlog.root(leaves[:old]), tlog.root(leaves), [*good, bytes(32)])


def test_only_the_empty_root_is_consistent_with_nothing():
    assert tlog.verify_consistency(0, 3, tlog.EMPTY_ROOT, bytes(32), ())
    assert not tlog.verify_consistency(0, 3, bytes(32), bytes(32), ())
    assert not tlog.verify_consistency(0, 0, bytes(32), bytes(32), ())


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 700), min_size=1, max_size=6))
def test_a_tree_grown_in_batches_from_frontier_and_tiles_is_the_tree_of_all_leaves(batches):
    store, frontier, leaves = Store(), tlog.Frontier(), hashes(sum(batches))
    for batch in batches:
        frontier = store.grow(frontier, leaves[frontier.size : frontier.size + batch])
    assert frontier.size == len(leaves)
    assert frontier.root == tlog.root(leaves)
    assert tlog.tree_root(len(leaves), tlog.nodes_from_tiles(len(leaves), store.read)) == frontier.root


def test_proofs_for_an_old_size_come_from_the_newest_tiles():
    """70,000 leaves, three levels of tiles; few reads a proof."""
    store, leaves = Store(), hashes(70_000)
    frontier = store.grow(tlog.Frontier(), leaves[:66_000])
    frontier = store.grow(frontier, leaves[66_000:])
    assert {level: sum(1 for key in store.tiles if key[0] == level) for level in range(3)} == {0: 274, 1: 2, 2: 1}
    for size in (1, 255, 256, 257, 65_535, 65_536, 65_537, 69_999, 70_000):
        node, root = tlog.nodes_from_tiles(size, store.read), tlog.root(leaves[:size])
        store.reads = 0
        proof = tlog.inclusion_proof(size // 2, size, node)
        assert tlog.verify_inclusion(leaves[size // 2], size // 2, size, proof, root)
        assert store.reads <= 6
        proof = tlog.consistency_proof(size, 70_000, tlog.nodes_from_tiles(70_000, store.read))
        assert tlog.verify_consistency(size, 70_000, root, frontier.root, proof)


def test_appending_to_tiles_that_are_not_the_tree_is_refused():
    store = Store()
    frontier = store.grow(tlog.Frontier(), hashes(300))
    store.tiles[0, 1] = bytes(len(store.tiles[0, 1]))
    with pytest.raises(Refusal, match="not those of the tree of 300 leaves"):
        store.grow(frontier, hashes(1))


def test_tile_paths_are_those_of_tlog_tiles():
    assert tlog.tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tlog.tile_path(1, 273, 112) == "tile/1/273.p/112"


def test_an_entry_needs_the_whole_salt():
    assert tlog.entry(bytes(32), b"x") == hashlib.sha256(bytes(32) + b"x").digest()
    with pytest.raises(ValueError, match="32 bytes"):
        tlog.entry(bytes(31), b"x")
