"""What runs later for lists: each module enters its kinds into queue.KINDS when it is imported."""

from ersr.lists import screening

__all__ = ["screening"]
