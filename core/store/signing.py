"""Signing: with a key of the installation's own (Ed25519), sealed in the vault like any other secret.

What is signed can be checked with the public key alone, by anybody, without the hub.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SIGNING = "signing key"
"""The fact that holds the sealed key by which the consent ledger is signed."""


class Signer:
    """Signs for this installation."""

    def __init__(self, secret: Callable[[], str]) -> None:
        """`secret` gives the private key, 32 bytes in hex; it is asked for when something is to be signed."""
        self._secret = secret

    @cached_property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(self._secret()))

    @cached_property
    def public(self) -> str:
        """The public key in hex: whoever keeps it can check what was signed."""
        return self._key.public_key().public_bytes_raw().hex()

    @staticmethod
    def fresh() -> str:
        """A new private key, to be kept sealed."""
        return Ed25519PrivateKey.generate().private_bytes_raw().hex()

    def sign(self, message: bytes) -> bytes:
        """The signature, 64 bytes."""
        return self._key.sign(message)


def is_signed(message: bytes, signature: bytes, public: str) -> bool:
    """Whether the signature is that key's over just this message; False also for a key that is none."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
