"""Encodings of text files: what is certain, and what is guessed."""

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.application.files.encodings import detect_encoding, given_encoding, parse_encoding
from catalog.application.files.legacy_encodings import CODECS, guess_codec
from catalog.application.files.row_source import Row
from catalog.domain.errors import InvalidQuery
from tests.tables import table

GERMAN = "sku,name\nK-1,Käsereibe\nK-2,Löffel – groß\n"
POLISH = "sku,name\nA,Żółta łódka\nB,Křeslo dřevěné\nC,Šálek\nD,Stół dębowy duży\nE,Świeca wąska\nF,Źródło\n"


@pytest.mark.parametrize(
    ("text", "codec", "name"),
    [
        (GERMAN, "cp1252", "windows-1252"),
        ("sku,name\nA,Caf\u00e9\n", "cp1252", "windows-1252"),
        ("sku;name\nA;Fauteuil en chêne\nB;Café à l’italienne\nC;Señor – niño\nD;50 €\n", "cp1252", "windows-1252"),
        ("sku;name\nA;Trädgårdsstol\nB;Blåbär\nC;Kök\n", "cp1252", "windows-1252"),
        (POLISH, "cp1250", "windows-1250"),
        (POLISH, "iso8859_2", "iso8859-2"),
        ("sku,name\nA,Стул садовый\nB,Лампа настольная\nC,Стол\n", "cp1251", "windows-1251"),
        ("sku,name\nA,Стул садовый\nB,Лампа настольная\nC,Стол\n", "koi8_r", "koi8-r"),
        ("sku,name\nA,木製の椅子\nB,ガーデンテーブル\nC,青いランプ\n", "cp932", "shift-jis"),
        ("sku,name\nA,木製の椅子\nB,ガーデンテーブル\nC,青いランプ\n", "euc_jp", "euc-jp"),
        ("sku,name\nA,花园椅子\nB,木桌\nC,蓝色台灯\n", "gbk", "gb18030"),
        ("sku,name\nA,花園椅子\nB,木桌\nC,藍色檯燈\n", "big5", "big5"),
        ("sku,name\nA,정원 의자\nB,나무 탁자\nC,파란 램프\n", "euc_kr", "euc-kr"),
        ("sku,name\nA,Käsereibe\nB,Löffel – groß\nC,Crème brûlée\n", "mac_roman", "mac-roman"),
        ("sku,name\nA,Jalapeño\n", "cp1252", "windows-1252"),
        ("sku,name\nA,“Smart” – it’s\nB,Brand™\nC,Größe\nD,250°C\nE,5 m²\n", "cp1252", "windows-1252"),
        ("sku,nome\nA,Ação rápida – coração\n", "cp1252", "windows-1252"),
        ("sku,nimi\nA,Pöytä\n", "cp1252", "windows-1252"),
        ("sku,název\nA,Židle dřevěná\nB,Šroubovák\n", "cp1250", "windows-1250"),
        ("sku,név\nA,Szűrő tölcsér\nB,Kőműves kanál\n", "iso8859_2", "windows-1250"),
        ("sku,név\nA,Szűrő\nB,Šál\n", "iso8859_2", "iso8859-2"),
        ("sku,ad\nA,Ahşap sandalye\nB,Çay bardağı\n", "cp1254", "windows-1254"),
        ("sku,name\nA,Medinė kėdė\nB,Šaukštas\n", "cp1257", "windows-1257"),
        ("sku,name\nA,Стол\n", "cp1251", "windows-1251"),
        ("sku,name\nA,Отвертка крестовая\nB,Молоток\n", "cp866", "cp866"),
        ("sku,name\nA,Ξύλινη καρέκλα\nB,Φλιτζάνι\n", "cp1253", "windows-1253"),
        ("sku,name\nA,כיסא עץ\nB,מברג כוכב\n", "cp1255", "windows-1255"),
        ("sku,name\nA,كرسي خشبي\nB,كوب شاي\n", "cp1256", "windows-1256"),
        ("sku,name\nA,ค้อน\nB,ไขควง\n", "cp874", "windows-874"),
        ("sku,name\nA,ﾃｨｰｶｯﾌﾟ\nB,ﾏｸﾞ\n", "cp932", "shift-jis"),
        ("sku,name\nA,Tシャツ Lサイズ\n", "euc_jp", "euc-jp"),
        ("sku,name\nA,不锈钢勺子\n", "gbk", "gb18030"),
        ("sku,name\nA,藍色盤子\nB,不鏽鋼湯匙\n", "big5", "big5"),
    ],
)
def test_a_legacy_encoding_is_guessed_and_said_to_be_a_guess(text: str, codec: str, name: str) -> None:
    """The text is right, and the warning names the encoding."""
    source = table(text.encode(codec))
    assert source.detected.encoding == name
    assert [list(row.values.values()) for row in source.rows if isinstance(row, Row)] == [
        line.replace(";", ",").split(",") for line in text.splitlines()[1:]
    ]
    (warning,) = source.detected.warnings
    assert f"read as {name}, which is a guess" in warning


def test_a_text_in_no_common_encoding_is_guessed_from_all() -> None:
    """Here in Vietnamese. If nothing fits, the best of the common encodings is taken."""
    text = "sku,name\nA,Ghế gỗ sồi\nB,Tủ lạnh nhỏ\nC,Bàn phím cơ\nD,Nồi cơm điện\n" * 20
    data = normalize("NFD", text).encode("cp1258", errors="ignore")
    assert guess_codec(data) in {"cp1258", "cp1252", "cp1250", "cp1254", "cp1257"}
    assert guess_codec(b"\xff\xfd\x81\x8d" * 100 + b"\n") in CODECS


def test_a_guess_reads_only_the_lines_with_other_than_ascii() -> None:
    """Up to a maximum, so that it takes no time in large files. Nothing else is needed."""
    lines = b"sku,name\n" + b"A,plain\n" * 100_000 + "B,Löffel groß\n".encode("cp1252") * 20_000
    assert guess_codec(lines) == "cp1252"


@given(st.binary(max_size=200))
def test_any_bytes_have_an_encoding_that_can_read_them(data: bytes) -> None:
    """It keeps ASCII, so that delimiters are where they were."""
    codec = guess_codec(b"sku\n" + data + b"\xff")
    assert b'a,"1"\n'.decode(codec) == 'a,"1"\n'


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\x00\r\n\",;\t|'")),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
def test_unicode_is_never_guessed(text: str, codec: str) -> None:
    """With a byte order mark, or as UTF-8, any text is decoded as it was written."""
    encoded = f"sku,name\nA,x{text}x\n".encode(codec)
    encoding = detect_encoding(encoded, is_whole=True)
    assert not encoding.guessed
    assert encoded.decode(encoding.codec) == f"sku,name\nA,x{text}x\n"


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_utf_16_and_utf_32_are_recognized_without_a_mark(codec: str) -> None:
    """The zero bytes of ASCII letters show them."""
    assert detect_encoding(GERMAN.encode(codec), is_whole=True).codec == codec
    russian = "артикул,наименование\n1,Молоток слесарный\n2,Отвёртка крестовая\n"
    assert detect_encoding(russian.encode(codec), is_whole=True).codec == codec


def test_zero_bytes_alone_are_no_utf_16() -> None:
    """Text in it has separators, and surrogates in pairs."""
    assert detect_encoding(b"a\0,b\n", is_whole=True).name == "utf-8"
    assert "utf-16" not in detect_encoding("a,b\n".encode("utf-16-le") + b"\x01\xd8a\0", is_whole=True).name


def test_damaged_utf_8_stays_utf_8() -> None:
    """Only the damaged row is refused. A sample that ends within a character is not damaged."""
    data = "sku,name\nA,Käse\nB,Löffel\nC,Grün\nD,Öl\n".encode()
    rows = list(table(data + b"E,\xff\nF,f\n").rows)
    assert [type(row).__name__ for row in rows] == ["Row"] * 4 + ["MalformedRow", "Row"]
    assert detect_encoding("é".encode()[:1], is_whole=False).name == "utf-8"


@pytest.mark.parametrize(
    ("name", "codec"), [("UTF8", "utf-8-sig"), ("latin1", "iso8859-1"), ("Windows-1252", "cp1252"), ("sjis", "shift_jis")]
)
def test_any_text_encoding_can_be_given(name: str, codec: str) -> None:
    """Names are those of Python's codecs and their aliases."""
    assert parse_encoding(name).codec == codec


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_mark_is_optional_in_an_encoding_that_is_given(codec: str, mark: str) -> None:
    """The byte order may be given or left to the file."""
    data = f"{mark}sku,name\nA,Käse\n".encode(codec)
    for encoding in (codec, codec[:6]):
        assert list(table(data, encoding=encoding).rows) == [Row(2, {"sku": "A", "name": "Käse"})]


def test_utf_16_without_zero_bytes_is_little_endian_unless_given() -> None:
    """As most computers write it."""
    assert given_encoding("utf-16", "木製".encode("utf-16-le")).codec == "utf-16-le"


def test_a_byte_that_the_encoding_does_not_have_refuses_its_row() -> None:
    """The others are read in the encoding that fits."""
    rows = list(table("sku,name\nA,Größe\nB,Käse\n".encode("cp1252") + b"C,\x81x\n").rows)
    assert rows[0] == Row(2, {"sku": "A", "name": "Größe"})
    assert "is not valid WINDOWS-1252" in getattr(rows[2], "message", "")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("utf-9", "utf-8|utf-7"),
        ("hex", "Use a name"),
        ("rot13", "."),
        ("", "Use a name"),
        ("\0", "Use a name"),
        ("idna", "."),
        ("unicode_escape", "."),
    ],
)
def test_other_encodings_are_refused(name: str, hint: str) -> None:
    """Codecs that do not decode text are refused too."""
    with pytest.raises(InvalidQuery, match=hint):
        parse_encoding(name)


def test_bytes_that_the_encoding_does_not_have_are_refused() -> None:
    """In encodings that cannot keep them as surrogates, they would become U+FFFD."""
    for encoding, data in (
        ("shift-jis", b"sku,name\nA,\x81\nB,b\n"),
        ("utf-16-le", "sku,name\nA,x\nB,b\n".encode("utf-16-le").replace(b"x\0", b"\0\xd8")),
    ):
        rows = list(table(data, encoding=encoding).rows)
        assert "is not valid" in getattr(rows[0], "message", ""), rows
