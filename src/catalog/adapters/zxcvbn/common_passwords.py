"""Recognizes common passwords, and what is made of them: repeated, with digits behind, keys in a row."""

_MAX_LENGTH = 72
"""Characters that are looked at; the library takes no more. A long password may begin with a common one."""

_SAFE_SCORE = 3
"""The lowest score that is accepted: about 10**8 guesses at least."""


class ZxcvbnCommonPasswords:
    """Knows the passwords that zxcvbn guesses fast."""

    def __contains__(self, password: str) -> bool:
        """Return whether a password is guessed fast. Takes some milliseconds."""
        from zxcvbn import zxcvbn  # noqa: PLC0415 - its lists take time to load

        start = password[:_MAX_LENGTH]
        return int(zxcvbn(start)["score"]) < _SAFE_SCORE
