"""Rule on personal data, recognised by its form or by the words before it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import msgspec

from preceptor.lint.rows import Finding, Row
from preceptor.records import Example

__all__ = ["IDENTIFIERS", "RULES", "kinds", "personal"]

_DATE = (
    r"(?:\d{1,2}[./-]\d{1,2}[./-](?:19|20)?\d{2}|(?:19|20)\d{2}[./-]\d{1,2}[./-]\d{1,2}"
    r"|\d{1,2}(?:st|nd|rd|th)?[\s-]+(?:of\s+)?[A-Z][a-z]{2,8}\.?,?[\s-]+(?:19|20)\d{2}"
    r"|[A-Z][a-z]{2,8}\.?\s+\d{1,2}(?:st|nd|rd|th)?,?\s+(?:19|20)\d{2})"
)

#: Words before a telephone number that has no distinctive form.
_PHONE_LABEL = (
    r"(?i:\b(?:tele)?phone|\btel\b\.?|\bmobile|\bcell|\bfax|\bcall(?:ed)?(?: \w+)? (?:at|on))"
    r"(?i:\s?(?:number|no\.?|nr\.?))?(?i:\s+is)?[\s:]*"
)


class Rule(msgspec.Struct, frozen=True):
    """A pattern of personal data, its description, and a check on each match.

    ``digits`` in a row (apart from spaces and signs between them) and one of the ``hints`` in lower
    case are in every text with a match: most texts need no search for the pattern.
    """

    words: str
    form: re.Pattern[str]
    holds: Callable[[str], bool] = bool
    digits: int = 7
    hints: tuple[str, ...] = ()


def _sum11(text: str, weights: Sequence[int]) -> int:
    return sum(int(d) * w for d, w in zip(text, weights, strict=False)) % 11


def _nhs(text: str) -> bool:
    """Check an NHS number modulo 11 (NHS Data Dictionary, NHS number)."""
    digits = re.sub(r"\D", "", text)
    check = (11 - _sum11(digits[:9], range(10, 1, -1))) % 11
    return len(set(digits)) > 1 and check == int(digits[9])


def _dni(text: str) -> bool:
    """Check the letter of a Spanish DNI or NIE, its number modulo 23 (Ministerio del Interior)."""
    bare = re.sub(r"[\s-]", "", text).upper()
    number = bare[:-1].translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == bare[-1]


def _resident(text: str) -> bool:
    """Check the last character of a Chinese resident number (GB 11643, ISO 7064 MOD 11-2)."""
    weights = [pow(2, 17 - position, 11) for position in range(17)]
    return "10X98765432"[_sum11(text[:17], weights)] == text[-1].upper()


def _aadhaar(text: str) -> bool:
    """Check Verhoeff's digit over the dihedral group of order 10 (UIDAI)."""
    check = 0
    for position, digit in enumerate(reversed(re.sub(r"\D", "", text))):
        value = int(digit)
        for _ in range(position % 8):
            value = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[value]
        check = _dihedral(check, value)
    return check == 0


def _dihedral(a: int, b: int) -> int:
    if a < 5:
        return (a + b) % 5 if b < 5 else (a + b) % 5 + 5
    return (a - b) % 5 + 5 if b < 5 else (a - b) % 5


def _snils(text: str) -> bool:
    """Check the last two digits of a Russian SNILS (Social Fund of Russia)."""
    digits = re.sub(r"\D", "", text)
    total = sum(int(d) * w for d, w in zip(digits, range(9, 0, -1), strict=False)) % 101
    return total % 100 == int(digits[9:])


def _assignable(text: str) -> bool:
    """Whether an e-mail domain is not reserved (RFC 2606, RFC 6761).

    ``example.com`` and similar count as personal: the local part may name a person.
    """
    domain = text.rpartition("@")[2].lower()
    return not re.search(r"(?:^|\.)(?:test|invalid|localhost)$", domain)


def _luhn(text: str) -> bool:
    """Check Luhn's digit (ISO/IEC 7812-1)."""
    digits = [int(digit) for digit in reversed(re.sub(r"\D", "", text))]
    twice = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return len(set(digits)) > 1 and (sum(digits[::2]) + sum(twice)) % 10 == 0


def _iban(text: str) -> bool:
    """Check an IBAN modulo 97 (ISO 13616)."""
    bare = re.sub(r"\s", "", text).upper()
    number = "".join(str(int(sign, 36)) for sign in bare[4:] + bare[:4])
    return int(number) % 97 == 1


def _host_address(text: str) -> bool:
    """Whether the parts are too large for the number of an enzyme or a section."""
    parts = [int(part) for part in text.split(".")]
    return parts[0] == 10 or max(parts) >= 100


def _phone_length(text: str) -> bool:
    """Whether a number has 7 to 16 digits (E.164 with a prefix)."""
    return 7 <= len(re.sub(r"\D", "", text)) <= 16


RULES: dict[str, Rule] = {
    "email": Rule(
        "an e-mail address",
        re.compile(r"(?<![\w.+-])[\w.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"),
        _assignable,
        digits=0,
        hints=("@",),
    ),
    "phone": Rule(
        "a telephone number",
        re.compile(
            rf"(?<![\w.+-])(?:\+\d[\d ().-]{{7,17}}\d|0\d(?:[ .]\d\d){{4}}"
            rf"|(?:1[ .-])?(?:\([2-9]\d\d\)\s?|[2-9]\d\d[.-])\d{{3}}[.-]\d{{4}})(?:x\d+)?(?![\w-])"
            rf"|{_PHONE_LABEL}(?:\+?\d|\()[\d ().-]{{5,16}}\d(?!\w)"
        ),
        _phone_length,
    ),
    "us-ssn": Rule(
        "a US social security number",
        re.compile(r"(?<![\w-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])"),
    ),
    "uk-nhs": Rule(
        "a UK NHS number", re.compile(r"(?<![\w-])\d{3}[ -]\d{3}[ -]\d{4}(?![\w-])"), _nhs
    ),
    "es-dni": Rule(
        "a Spanish DNI or NIE",
        re.compile(r"(?<![\w-])(?:\d{8}|[XYZ]-?\d{7})-?[A-HJ-NP-TV-Z](?![\w-])"),
        _dni,
    ),
    "cn-resident": Rule(
        "a Chinese resident number",
        re.compile(r"(?<!\w)[1-8]\d{5}(?:19|20)\d{2}[01]\d[0-3]\d{4}[\dXx](?!\w)"),
        _resident,
    ),
    "in-aadhaar": Rule(
        "an Indian Aadhaar number",
        re.compile(r"(?<![\w-])[2-9]\d{3}([ -])\d{4}\1\d{4}(?![\w-])"),
        _aadhaar,
    ),
    "ru-snils": Rule(
        "a Russian SNILS", re.compile(r"(?<![\w-])\d{3}-\d{3}-\d{3}[ -]\d{2}(?![\w-])"), _snils
    ),
    "card": Rule(
        "a payment card number",
        re.compile(r"(?<![\w.-])[2-6]\d{3}(?:[ -]?\d{4}){2}[ -]?\d{1,7}(?![\w-])"),
        _luhn,
    ),
    "iban": Rule(
        "a bank account (IBAN)",
        # A search for a set of signs is fast: what is before the first of them is looked at second.
        re.compile(r"[A-Z](?<!\w[A-Z])[A-Z]\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)"),
        _iban,
        digits=1,
    ),
    "ip": Rule(
        "an IP address",
        re.compile(
            r"\d(?<![\w.]\d)(?:(?<=2)5[0-5]|(?<=2)[0-4]\d|(?<=1)\d\d|\d)?\."
            r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){2}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?!\w|\.\w)"
        ),
        _host_address,
        digits=1,
        hints=(".",),
    ),
    "name": Rule(
        "a name introduced as one",
        re.compile(
            r"(?i:\bmy name is|\b(?:patient|full|first and last|pt)(?:['’]s)?[ _]name(?: is)?"
            r"|\bname of (?:the )?patient|\bname(?=\s?:))\s*+:?\s*+"
            r"(?:(?:Mr|Mrs|Ms|Dr)\.? )?[A-Z][\w'’-]+ (?:[A-Z]\.? )?[A-Z][\w'’-]+"
        ),
        digits=0,
        hints=("name",),
    ),
    "street": Rule(
        "a street address",
        re.compile(
            r"\d(?<![\w.]\d)\d{0,4} (?:[A-Z][\w'’.-]+ ){1,3}"
            r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Boulevard|Blvd|Court|Way)\b"
        ),
        digits=1,
    ),
    "birth-date": Rule(
        "a date of birth",
        re.compile(
            r"(?i:\b(?:DOB|D\.O\.B\.|date of birth|birth ?date|born(?: on)?)\b"
            r"(?:\s+(?:is|was))?)[\s:=]*" + _DATE
        ),
        digits=1,
        hints=("dob", "d.o.b", "birth", "born"),
    ),
    "record-number": Rule(
        "a medical record number",
        re.compile(
            r"(?i:\b(?:MRN|medical record (?:number|no\.?|#)|hospital (?:number|no\.?)|patient id))"
            r"[\s:=#]*(?=[A-Z-]{0,40}\d)[A-Z0-9-]{5,}"
        ),
        digits=1,
        hints=("mrn", "record", "hospital", "patient id"),
    ),
}
#: Rules whose matches name one person in a register: a task with one of them is not published.
IDENTIFIERS = frozenset(
    ("us-ssn", "uk-nhs", "es-dni", "cn-resident", "in-aadhaar", "ru-snils", "record-number")
)
_DIGIT = re.compile(r"\d")
_SEVEN_DIGITS = re.compile(r"\d(?:[ ().-]*\d){6}")


def kinds(text: str) -> Iterator[str]:
    """Names of the ``RULES`` that a text matches."""
    plain = text.casefold()
    digits = 7 if _SEVEN_DIGITS.search(text) else 1 if _DIGIT.search(text) else 0
    for name, rule in RULES.items():
        if digits < rule.digits or (rule.hints and not any(each in plain for each in rule.hints)):
            continue
        if any(rule.holds(found[0]) for found in rule.form.finditer(text)):
            yield name


def personal(rows: Sequence[Row]) -> Iterator[Finding]:
    """``personal-data``: a match of ``RULES`` in any text of an example."""
    for row in rows:
        for place, text, number in _texts(row.example):
            for name in kinds(text):
                problem = f"{place}: {RULES[name].words} ({name})"
                yield row.finding("personal-data", problem, number)


def _texts(example: Example) -> Iterator[tuple[str, str, int | None]]:
    """Place and text, and the number of the criterion where it is one."""
    for number, message in enumerate(example.messages, start=1):
        yield f"message {number}", message.text, None
    for number, criterion in enumerate(example.criteria, start=1):
        yield f"criterion {number}", criterion.text, number
    if example.physician is not None:
        yield "physician's answer", example.physician.text, None
    if example.target is not msgspec.UNSET:
        yield "target", msgspec.json.encode(example.target).decode("utf-8", "replace"), None
