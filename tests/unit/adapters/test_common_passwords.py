"""Common passwords: which are recognized, and that no password takes long."""

import pytest
from zxcvbn import matching

from catalog.adapters.zxcvbn.common_passwords import _MAX_LENGTH, _WITHOUT_RARE_SUBSTITUTES, ZxcvbnCommonPasswords

COMMON = ZxcvbnCommonPasswords()


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "passwordpassword",
        "password1234567",
        "p@ssw0rdp@ssw0rd",
        "123456789012345",
        "qwertyuiopasdfgh",
        "abcdefghijklmnop",
        "aaaaaaaaaaaaaaaa",
        "iloveyouiloveyou",
        "letmeinletmeinletmein",
        "abcabcabcabcabcabc",
        "",
    ],
)
def test_a_common_password_is_recognized(password: str) -> None:
    """Listed passwords are, and what is made of them: repeated, with digits, with other letters, keys in a row."""
    assert password in COMMON


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "tr0mbone & gravel, at noon",
        "kx7!vq2#mz9$wp4",
        "der wal schwimmt im keller",
        "密码是一个很长的句子没有人知道它",
        "({[<&#/|+%({[<&#/|+%x",
        "correct horse battery staple" * 4,
    ],
)
def test_a_good_password_is_not_on_the_list(password: str) -> None:
    """Several words, random characters, other scripts and 112 characters are good."""
    assert password not in COMMON


def test_a_long_password_that_begins_with_a_weak_one_is_refused() -> None:
    """Only the beginning is looked at, which limits the time."""
    assert "a" * _MAX_LENGTH + "correct horse battery staple" in COMMON


def test_no_password_has_many_combinations_to_try() -> None:
    """The library tries every way to read signs as letters. A password that has all of them would take it seconds."""
    signs = "".join(sign for signs in matching.L33T_TABLE.values() for sign in signs) * 3

    def combinations(password: str) -> int:
        return len(matching.enumerate_l33t_subs(matching.relevant_l33t_subtable(password, matching.L33T_TABLE)))

    assert combinations(signs) > 100
    assert combinations(signs.translate(_WITHOUT_RARE_SUBSTITUTES)) <= 24
    assert signs not in COMMON
