"""Stable keys: which shard an image is in, which random stream it gets. Both depend on its id alone."""

import hashlib


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8"), digest_size=8).digest(), "big")


def shard_of(image_id: str, shards: int) -> int:
    """Shard number in ``[0, shards)`` of an image: a stable hash of its id, so a new image moves no other."""
    return _digest(f"shard\0{image_id}") % shards


def seed_of(image_id: str, purpose: str, seed: int = 0) -> int:
    """63-bit seed of one image's random stream for one purpose ("latent", "noise", ...)."""
    return _digest(f"{purpose}\0{seed}\0{image_id}") >> 1


def put_aside(key: str, purpose: str, share: float) -> bool:
    """Whether a patient (or image) belongs to the ``share`` that is put aside for a purpose ("split", ...)."""
    return seed_of(key, purpose) < share * 2**63


def shard_name(shard: int, shards: int) -> str:
    """File stem of a shard, e.g. ``0003-of-0007``."""
    return f"{shard:04d}-of-{shards:04d}"


def shard_names(shards: int) -> list[str]:
    """File stems of all shards of a release."""
    return [shard_name(shard, shards) for shard in range(shards)]
