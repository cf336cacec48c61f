"""The same keys and documents as the proof tests."""

from tests.proof.conftest import documents, mine, signed_at, theirs

__all__ = ["documents", "mine", "signed_at", "theirs"]
