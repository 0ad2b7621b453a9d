"""Passwords: argon2id, and the same work for a name that nobody has."""

from __future__ import annotations

import unicodedata

import argon2

from preceptor.errors import InputError

__all__ = ["LEAST", "Passwords"]

#: Characters of a password.
LEAST, MOST = 12, 512
#: A password of fewer different characters can be guessed.
_DIFFERENT = 5


class Passwords:
    """Makes and checks hashes.

    Parameters
    ----------
    hasher
        Its parameters are written into each hash; one with others is made anew at the next
        sign-in. The default is the second recommendation of RFC 9106: 64 MiB, three passes.
    """

    def __init__(self, hasher: argon2.PasswordHasher | None = None) -> None:
        self._hasher = hasher or argon2.PasswordHasher()
        self._nobody = self._hasher.hash("nobody has this password")

    def hash(self, password: str, *, email: str = "") -> str:
        """Raises InputError for one that is too easily guessed."""
        plain = _plain(password)
        if not LEAST <= len(plain) <= MOST:
            raise InputError(
                f"password: expected {LEAST} to {MOST} characters, found {len(plain)}: "
                "several words are good"
            )
        if len(set(plain)) < _DIFFERENT or (email and email in plain.casefold()):
            raise InputError("password: too easily guessed: choose other words")
        made: str = self._hasher.hash(plain)
        return made

    def check(self, password: str, found: str | None) -> bool:
        """Whether it is the one; None for an account that does not exist takes as long."""
        if len(password) > 2 * MOST:
            return False
        try:
            right = self._hasher.verify(found or self._nobody, _plain(password))
        except argon2.exceptions.VerificationError:
            return False
        return right and found is not None

    def is_old(self, found: str) -> bool:
        """Whether a hash was made with other parameters."""
        old: bool = self._hasher.check_needs_rehash(found)
        return old


def _plain(password: str) -> str:
    """One form for what keyboards of different systems send (NIST SP 800-63B, 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password)
