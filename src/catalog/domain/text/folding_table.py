"""Letters that Unicode does not decompose, and the plain letters that people type for them.

Pure data: lower-case letters after Unicode's case folding and NFKD. `text.normalization` uses LATIN and DROPPED to fold text for
search and sorting; slugs also use ROMANIZED.
"""

LATIN = {
    "a": "ɐɑɒʌᴀᶏᶐⱥꞻꬰꭤ",
    "aa": "ꜳ",
    "ae": "æᴁᴂꞛꬱ",
    "ao": "ꜵ",
    "au": "ꜷ",
    "av": "ꜹꜻ",
    "ay": "ꜽ",
    "b": "ƀƃɓʙᴃᵬᶀꞗꞵ",
    "c": "ƈȼɕᴄↄꜿꞓꞔ",
    "d": "ðđƌȡɖɗᴅᴆᵭᶁᶑẟꝱꝺꟈ",
    "db": "ȸ",
    "dz": "ƻʣʥꭦ",
    "dzh": "ʤ",
    "e": "ǝɇɘəɛɜᴇᴈᶒᶓᶔᶕⱸⱻꬲꬳꬴ",
    "er": "ɚɝ",
    "f": "ƒɸᵮᶂꜰꝼꞙꟻꬵ",
    "fng": "ʩ",
    "g": "ǥɠɡɢɣʛᵷᵹᶃꞡꟑꬶ",
    "h": "ħɦɧʜⱨⱶꜧꞕꟶ",
    "hv": "ƕ",
    "i": "ıɨɩɪɿʅᴉᵻᵼᶖꞽꟷꟾ",
    "ia": "ꭠ",
    "ie": "ꭡ",
    "j": "ȷɉɟʄʝᴊ",
    "k": "ƙʞᴋᶄⱪꝁꝃꝅꞣ",
    "l": "łƚƛȴɫɬɭʟᴌᶅⱡꝇꝉꝲꞎꬷꬸꬹ",
    "ll": "ỻꞁ",
    "ls": "ʪ",
    "lz": "ʫ",
    "lzh": "ɮ",
    "m": "ɱᴍᵯᶆꝳꟽꬺ",
    "n": "ŋƞȵɲɳɴᴎᵰᶇꝴꞑꞥꬻ",
    "ng": "ꝿꬼ",
    "o": "øɔɞɵᴏᴐᴑᴒᴓᴖᴗᶗⱷⱺꝋꝍꞷꟁꬽꬾꬿ",
    "oe": "œɶʚᴔꞝꭀꭁꭂꭢ",
    "oi": "ƣ",
    "oo": "ꝏꭃꭄ",
    "ou": "ȣᴕ",
    "p": "ƥᴘᵱᵽᶈꝑꝓꝕꟼ",
    "pc": "ʘ",
    "q": "ĸɋʗʠꝗꝙꞯ",
    "qp": "ȹ",
    "r": "ɍɹɺɻɼɽɾʀʁᴙᴚᵲᵳᶉⱹꝛꝝꝵꝶꞃꞧꭅꭆꭇꭉꭋꭌꭨ",
    "rr": "ꭈꭊ",
    "s": "ȿʂᵴᶊẜẝꜱꝭꝸꞅꞩꟊꟗꟙ",
    "sh": "ƪʃʆᶋᶘꭍ",
    "t": "ŧƫƭȶʇʈᴛᵵⱦꝷꞇ",
    "tc": "ʨ",
    "th": "þᵺꝥꝧ",
    "thth": "ꟓ",
    "ts": "ƾʦꭧ",
    "tsh": "ʧ",
    "tz": "ꜩ",
    "u": "ɤɷʉʊᴜᴝᴞᵾᵿᶙꞹꞿꭎꭏꭒ",
    "ue": "ᵫꞟ",
    "ui": "ꭐꭑ",
    "uo": "ꭣ",
    "v": "ʋᴠᶌỽⱱⱴꝟꝩ",
    "vy": "ꝡ",
    "w": "ƿɯɰʍᴟᴡⱳꟃꟺ",
    "ww": "ʬꟕ",
    "x": "ʖᶍꭓꭔꭕꭖꭗꭘꭙ",
    "y": "ƴȝɏɥʎʏʮʯỿꭚ",
    "z": "ƍƶȥɀʐʑᴢᵶᶎⱬꝣ",
    "zh": "ƺʒʓᴣᶚ",
}
"""Maps plain letters to the Latin letters that fold to them: CLDR's Latin-ASCII transform, or anyascii where that has none."""

DROPPED = "ƹɂʔʕʡʢʹʺʻʼʽʾʿˀˁˆˇˈˉˊˋˌˍˎˏːˑˬˮᴤᴥꜣꜥꝯꞌ"
"""Modifier letters and glottal stops, used like an apostrophe (Hawaiʻi). Folding drops them."""

GREEK = {
    "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th", "ι": "i", "κ": "k", "λ": "l", "μ": "m",
    "ν": "n", "ξ": "x", "ο": "o", "π": "p", "ρ": "r", "σ": "s", "τ": "t", "υ": "y", "φ": "f", "χ": "ch", "ψ": "ps", "ω": "o",
}  # fmt: skip
"""Modern Greek letters as transcribed by ISO 843 (type 2)."""

GREEK_U = "(?<=[αεηο])υ"
"""Regular expression for an upsilon that forms a digraph with the vowel before it and becomes u."""

CYRILLIC = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ж": "zh", "з": "z", "и": "i", "к": "k", "л": "l", "м": "m",
    "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch",
    "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu", "я": "ya",
    "є": "ye", "і": "i", "ґ": "g",
    "ђ": "dj", "ј": "j", "љ": "lj", "њ": "nj", "ћ": "c", "џ": "dz", "ѕ": "dz",
    "ә": "a", "ғ": "gh", "қ": "q", "ң": "ng", "ө": "o", "ұ": "u", "ү": "u", "һ": "h", "җ": "zh",
}  # fmt: skip
"""Cyrillic letters by BGN/PCGN romanization, simplified: without apostrophes and diacritics."""

ROMANIZED = GREEK | CYRILLIC
"""Non-Latin letters that a slug can spell in a-z."""
