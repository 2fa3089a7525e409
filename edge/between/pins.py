"""PINs and the random words of sessions and programs, as they are kept: never themselves.

A PIN has few digits, so its hash (argon2id) takes time and memory on purpose: 19 MiB, two passes, some 50 ms on a Pi 4.
Whoever computes one does so outside the core's thread, one at a time.
"""

import hashlib
import re
import secrets
from typing import Any

PIN = re.compile(r"[0-9]{4,12}")
KEPT = re.compile(r"\$argon2id\$v=19\$m=([0-9]{1,6}),t=([0-9]{1,2}),p=([0-9]{1,2})\$[\w+/-]{11,88}\$[\w+/-]{22,88}")
PASSES, KIBIBYTES, LANES = 2, 19 * 1024, 1
DEAREST = (64 * 1024, 5, 4)  # of hashes from elsewhere: more would stop a small box
NOBODYS = "$argon2id$v=19$m=19456,t=2,p=1$b25lIHRoYXQgaXMgbm9uZQ$v0pTSgBN4m1cQ4yFQyTgkXWrYZxtNnJyOvJZkP2zNmg"
"""Verified where there is no such person, so that the answer takes as long."""


def fit(kept: str) -> bool:
    """Whether this is a hash that we can verify, and at a bearable price."""
    found = KEPT.fullmatch(kept)
    return found is not None and all(int(one) <= most for one, most in zip(found.groups(), DEAREST, strict=True))


def hashed(pin: str) -> str:
    """The PIN as it is kept. Raises ValueError for what is no PIN."""
    if not PIN.fullmatch(pin):
        raise ValueError("a PIN has 4 to 12 digits")
    kept: str = _hasher().hash(pin)
    return kept


def right(kept: str, pin: str) -> bool:
    """Whether this is the PIN; with an empty hash never, after as long a time."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        _hasher().verify(kept or NOBODYS, pin)
    except (VerificationError, InvalidHashError):
        return False
    return bool(kept)


def _hasher() -> Any:
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=PASSES, memory_cost=KIBIBYTES, parallelism=LANES)


def new_word() -> str:
    """A word that nobody can guess: for a session, an approval, a program's token."""
    return secrets.token_urlsafe(32)


def mark_of(word: str) -> str:
    """By what such a word is known without being kept."""
    return hashlib.sha256(word.encode("utf-8", "surrogatepass")).hexdigest()


def form_word(session: str) -> str:
    """What a page of this session sends with what it orders, and a foreign page cannot know."""
    return mark_of(f"form {session}")[:32]
