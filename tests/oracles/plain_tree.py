"""The tree of a list, as slowly and plainly as the texts put it: RFC 2104 for the salts, RFC 6962, 2.1 for tree and paths.

It shares no code with the product, and keeps nothing: each hash is taken again from the records below it.
"""

from __future__ import annotations

import hashlib


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def salt(secret: bytes, record: bytes) -> bytes:
    key = secret + bytes(64 - len(secret))
    return sha(bytes(b ^ 0x5C for b in key), sha(bytes(b ^ 0x36 for b in key), record))


def leaf(secret: bytes, record: bytes) -> bytes:
    return sha(b"\0", sha(salt(secret, record), record))


def cut(size: int) -> int:
    k = 1
    while 2 * k < size:
        k *= 2
    return k


def root(secret: bytes, records: list[bytes]) -> bytes:
    if not records:
        return sha()
    if len(records) == 1:
        return leaf(secret, records[0])
    k = cut(len(records))
    return sha(b"\1", root(secret, records[:k]), root(secret, records[k:]))


def path(secret: bytes, records: list[bytes], index: int) -> list[bytes]:
    if len(records) == 1:
        return []
    k = cut(len(records))
    if index < k:
        return [*path(secret, records[:k], index), root(secret, records[k:])]
    return [*path(secret, records[k:], index - k), root(secret, records[:k])]
