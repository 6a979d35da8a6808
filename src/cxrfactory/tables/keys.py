"""Stable keys: the shard of an image and the seed of its random stream, both of which depend on its id alone."""

import hashlib


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8"), digest_size=8).digest(), "big")


def shard_of(image_id: str, shards: int) -> int:
    """Return the shard number in ``[0, shards)`` of an image.

    The number is a stable hash of the image's id, so a new image does not move other images to another shard.
    """
    return _digest(f"shard\0{image_id}") % shards


def seed_of(image_id: str, purpose: str, seed: int = 0) -> int:
    """Return the 63-bit seed of one image's random stream for one purpose ("latent", "noise", ...)."""
    return _digest(f"{purpose}\0{seed}\0{image_id}") >> 1


def put_aside(key: str, purpose: str, share: float) -> bool:
    """Return whether a patient (or image) belongs to the ``share`` that is held out for a purpose ("split", ...)."""
    return seed_of(key, purpose) < share * 2**63


def shard_name(shard: int, shards: int) -> str:
    """Return the file stem of a shard, e.g. ``0003-of-0007``."""
    return f"{shard:04d}-of-{shards:04d}"


def shard_names(shards: int) -> list[str]:
    """Return the file stems of all shards of a release."""
    return [shard_name(shard, shards) for shard in range(shards)]
