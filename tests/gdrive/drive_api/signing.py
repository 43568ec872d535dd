"""RSA, as far as the key of a service account needs it: making one, writing it as PEM, checking RS256."""

from __future__ import annotations

import functools
import hashlib
import math
import secrets
from base64 import b64encode

import attrs

SMALL = [n for n in range(3, 2000, 2) if all(n % d for d in range(3, math.isqrt(n) + 1, 2))]
EXPONENT = 65_537
SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")


def _is_prime(number: int) -> bool:
    if any(number % small == 0 for small in SMALL):
        return False
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(6):
        power = pow(secrets.randbelow(number - 3) + 2, odd, number)
        if power in {1, number - 1}:
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    return True


def _prime(bits: int) -> int:
    while True:
        number = secrets.randbits(bits) | (3 << (bits - 2)) | 1
        if _is_prime(number) and number % EXPONENT != 1:
            return number


def _der(kind: int, body: bytes) -> bytes:
    size = len(body)
    if size < 128:
        return bytes([kind, size]) + body
    raw = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([kind, 128 | len(raw)]) + raw + body


def _whole(number: int) -> bytes:
    return _der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


@attrs.frozen
class Key:
    """An RSA key."""

    n: int
    d: int
    p: int
    q: int

    def pem(self) -> str:
        """The private key in PKCS#8, as a service account's key file holds it."""
        p, q, d = self.p, self.q, self.d
        numbers = (0, self.n, EXPONENT, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))
        inner = _der(0x30, b"".join(_whole(number) for number in numbers))
        algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
        outer = _der(0x30, _whole(0) + algorithm + _der(4, inner))
        text = b64encode(outer).decode()
        lines = [text[at : at + 64] for at in range(0, len(text), 64)]
        return "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----", ""])

    def _padded(self, message: bytes) -> int:
        digest = SHA256 + hashlib.sha256(message).digest()
        size = (self.n.bit_length() + 7) // 8
        return int.from_bytes(b"\0\1" + b"\xff" * (size - 3 - len(digest)) + b"\0" + digest, "big")

    def signs(self, message: bytes, signature: bytes) -> bool:
        """Whether a signature (RS256) is this key's for a message."""
        if len(signature) != (self.n.bit_length() + 7) // 8:
            return False
        return pow(int.from_bytes(signature, "big"), EXPONENT, self.n) == self._padded(message)

    def sign(self, message: bytes) -> bytes:
        """The signature (RS256) of a message."""
        return pow(self._padded(message), self.d, self.n).to_bytes((self.n.bit_length() + 7) // 8, "big")


def new_key(bits: int = 2048) -> Key:
    """A new key. Takes about a second at 2048 bits."""
    p, q = _prime(bits // 2), _prime(bits // 2)
    return Key(p * q, pow(EXPONENT, -1, math.lcm(p - 1, q - 1)), p, q)


@functools.cache
def session_key(place: int = 0) -> Key:
    """Keys that are made once in a process: service accounts share the first, since making one takes a second."""
    return new_key()
