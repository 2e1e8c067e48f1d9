"""Recognizes common passwords, and what is made of them: repeated, with digits behind, keys in a row."""

_MAX_LENGTH = 40
"""Characters that are looked at. The time grows with the length, and a long password that begins with a weak one is refused."""

_SAFE_SCORE = 3
"""The lowest score that is accepted: about 10**8 guesses at least."""

_WITHOUT_RARE_SUBSTITUTES = str.maketrans("({[<|+%!", ")}]>;-_?")
"""Replaces characters that zxcvbn takes for letters (`(` for c, `!` for i) by others that it does not.

It tries every combination of such characters: a password that has them all would take it seconds.
"""


class ZxcvbnCommonPasswords:
    """Knows the passwords that zxcvbn guesses fast."""

    def __contains__(self, password: str) -> bool:
        """Return whether a password is guessed fast. Takes up to 50 ms or so."""
        from zxcvbn import zxcvbn  # noqa: PLC0415 - its lists take time to load

        start = password.translate(_WITHOUT_RARE_SUBSTITUTES)[:_MAX_LENGTH]
        return not start or int(zxcvbn(start)["score"]) < _SAFE_SCORE
