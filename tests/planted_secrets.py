"""Secrets of the tests, which are easy to find where they must not be: in anything that is printed."""

MARK = "zq7planted7qz"
"""Part of each secret that tests choose. Encodings of URLs and JSON leave it as it is."""


def planted(text: str) -> str:
    """Return a secret that begins with this text. As a password, it is long enough and not common, and valid in a URL."""
    return f"{text}-{MARK}"


PASSWORD = planted("correct horse battery")
"""The password of most users."""

ANOTHER_PASSWORD = planted("a stapler and a horse")
"""The password to which it is changed."""
