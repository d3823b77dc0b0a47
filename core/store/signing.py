"""Signing: with a key of the installation's own (Ed25519), sealed in the vault like any other secret.

What is signed can be checked with the public key alone, by anybody, without the hub.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class Signer:
    """Signs for this installation."""

    def __init__(self, secret: str) -> None:
        """`secret` is the private key, 32 bytes in hex."""
        self._key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
        self.public = self._key.public_key().public_bytes_raw().hex()
        """The public key in hex: whoever keeps it can check what was signed."""

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
