"""Makes names of attributes from those of columns."""

from catalog.domain.categories.category import slug_from_name
from catalog.domain.items.attributes import is_name

_MAX_NAME = 64

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


def fit_name(name: str) -> str | None:
    """Make the name of an attribute from that of a column; None if parts of it cannot be spelled in a-z.

    Names that are valid stay. In others, letters are spelled in a-z as in slugs, but umlauts with an e (Größe: groesse); anything
    between words becomes an underscore (Weight (kg): weight_kg); and a leading digit gets n_ before it (2nd: n_2nd).
    """
    if is_name(name):
        return name
    slug = slug_from_name(name.translate(_UMLAUTS))
    if slug is None:
        return None
    fit = slug.replace("-", "_")
    return (fit if fit[0].isalpha() else f"n_{fit}")[:_MAX_NAME]
