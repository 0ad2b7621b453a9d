"""Options that speak of other options: "A and C", "Neither I nor II", "All of the above"."""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from preceptor.patterns import late
from preceptor.scoring.alphabets import CJK, letters

__all__ = ["Mention", "mentions"]


class Mention(enum.Enum):
    """How an option refers to others, which decides what may move.

    ``LABELS`` names them by letter, number or place: nothing may be moved. ``ABOVE`` means those
    that stand before it: only these may change places. ``REST`` means the others wherever they
    stand: it stays, and they may be moved.
    """

    LABELS = "labels"
    ABOVE = "above"
    REST = "rest"


# An option that consists of these words and of labels says nothing of its own. So "Vitamin A and D"
# is no mention: "vitamin" is none of them.
_JOINING = """
    and or nor plus as well und oder sowie noch et ou y e o u ed od en och eller og ja tai i oraz
    lub ani a aj nebo и или та і або чи și şi si sau και ή ve veya ile és vagy dan atau dengan và
    hoặc với na au و أو او یا اور और या एवं तथा व এবং ও বা ו או not no nicht non né não geen inte
    ikke nie не ne değil bukan không لا ليس نہیں नहीं לא sia che как так zarówno jak que such to
    through bis до but mais sino mas ma aber sondern но maar men
"""
_QUANTITIES = """
    all none any both neither either each every alle alles keine keiner keines keins nichts beide
    beides weder sowohl jede jedes sämtliche tout tous toute toutes aucun aucune ni deux todo
    todos toda todas ninguno ninguna ningún ambos ambas tanto nenhum nenhuma nem qualquer tutto
    tutti tutta tutte nessuno nessuna nessun entrambi entrambe allemaal geen beiden noch alla
    inga ingen inget båda varken samtliga begge hverken verken kaikki molemmat wszystkie wszystko
    żadne żadna żaden oba obie obydwa obydwie ani všechny všechno žádná žádné žádný obě все всё
    оба обе ни ничего никакой никакое ничто один одно одного усе обидва обидві жоден жодна всички
    нито toate toți niciuna niciunul nici ambele amândouă όλα όλες κανένα καμία τίποτα ούτε hepsi
    tümü hiçbiri ikisi ikiside her iki mindegyik egyik sem semua tidak keduanya semuanya bukan
    tất cả hai không zote hakuna yote كل جميع كلا كلاهما كلتا لا شيء أي أيا كليهما هیچ همه هر دو
    کدام ہر تمام کوئی دونوں سب सभी सब कोई दोनों कुछ भी সব সবগুলো কোনোটি কোনটি উভয় כל אף שתי שני
    שניהם
"""
_ONLY = """
    only alone except excluding without exclusively just nur allein außer ohne ausser seul seule
    seulement uniquement sauf solo sólo solamente únicamente excepto salvo apenas somente só
    exceto soltanto unicamente eccetto tranne alleen behalve bara endast utom kun bare undtagen
    unntatt vain tylko oprócz poza pouze jen kromě только лишь кроме тільки лише крім само освен
    doar numai cu excepția μόνο εκτός yalnız yalnızca sadece hariç csak kivéve hanya saja kecuali
    chỉ ngoại trừ tu pekee isipokuwa فقط إلا ما عدا بجز صرف केवल सिर्फ़ सिर्फ मात्र छोड़कर শুধু
    শুধুমাত্র কেবল רק מלבד
"""
_COUNTS = """
    one two three four some most more than least combination combinations zwei drei vier einige
    mehrere deux trois plusieurs dos tres varias dois duas três due tre twee drie två dwie две
    два три дві iki üç dua hai una uno un uma eine eines einer une
"""
_ABOVE = """
    above foregoing preceding previous aforementioned abovementioned mentioned listed named
    aforesaid genannten genannte genanntes obigen obige oben vorherigen vorgenannten
    obengenannten aufgeführten vorstehenden dessus précédentes précédents précédente précédent
    susmentionnées citées cités mentionnées anteriores anterior mencionadas mencionados acima
    citadas citados arriba precedenti precedente sopra menzionate elencate bovenstaande
    bovengenoemde bovenstaand ovanstående ovan nämnda ovenstående overstående nevnte ovennevnte
    yllä mainitut mainittu powyższe powyższych wymienione wymienionych uvedené uvedených výše
    вышеперечисленное вышеперечисленного вышеперечисленные вышеперечисленных перечисленное
    перечисленного перечисленные перечисленных вышеуказанное вышеуказанные указанное выше
    вищезазначене перелічене переліченого наведених зазначених гореизброените изброените
    horeizbroenite sus cele mai menționate anterioare enumerate παραπάνω ανωτέρω προηγούμενα
    yukarıdakilerin yukarıdakiler yukarıdaki fenti fentiek előzőek közül atas diatas tersebut
    trên kể hapo juu سبق ذكر ذكره المذكورة المذكور أعلاه السابقة موارد بالا فوق مذکورہ उपरोक्त
    उपर्युक्त ऊपर उपरोक्‍त পূর্বোক্ত উপরের উপরোক্ত לעיל הנל
"""
#: A quantity before one of these speaks of other options, whatever follows ("… are possible").
_AT_HEAD = """
    above foregoing genannten obigen anteriores dessus précédentes precedenti acima
    вышеперечисленное вышеперечисленного سبق उपरोक्त उपर्युक्त yukarıdakilerin bovenstaande
"""
_BELOW = "below following folgenden suivantes suivants siguientes seguintes seguenti"
_SPEAKING = """
    les of the are is be were was which that it them they these those this here others other
    possible true correct false incorrect right wrong applicable apply applies valid answer answers
    option options choice choices statement statements alternative alternatives item items
    response responses together der die das den dem des von sind ist trifft treffen zu richtig
    falsch korrekt antwort antworten antwortmöglichkeiten optionen aussagen aussage diese dieser
    davon möglichkeiten als auch de du ces cette le la l d sont est vrai vraie vraies vrais faux
    fausses correctes corrects exactes réponse réponses proposition propositions ci ceux las los
    el lo del son es correcta correctas correcto correctos verdadera verdaderas falsa falsas
    incorrectas respuesta respuestas opción opciones alternativas enunciados estas esas ellas
    ellos como as os dos da do são é está estão correta corretas certas certa verdadeiras
    resposta respostas opções alternativa delas deles destas quanto delle dei degli di gli sono è
    corretta corrette vera vere risposta risposte opzioni queste sia het van deze zijn juist
    onjuist goed antwoorden antwoord opties av dessa är rätt riktiga korrekta svar alternativen
    alternativ disse er riktige rigtige svarene af på z tych jest są odpowiedzi odpowiedź
    poprawne prawidłowe prawdziwe fałszywe se těchto jsou je správné správně odpovědi из них
    этого вышеперечисленного верно верны правильно правильны неверно неверны ответ ответы ответов
    вариант варианты вариантов является являются з цих вірно відповіді правильні от din acestea
    sunt corecte răspunsuri variantele από τα τις των είναι σωστά σωστές αυτά απαντήσεις ile
    doğru doğrudur yanlış seçenekler bunların bunlar a az helyes válasz válaszok yang benar salah
    dari jawaban pilihan đúng sai đáp án các đều câu phương ya yaliyo majibu sahihi ada ما من مما
    هو هي صحيح صحيحة صحيحان خطأ الإجابات الإجابة الخيارات هذه ذلك منهم منها التي از این اینها
    گزینه گزینه‌ها صحیح درست است هیچکدام هیچ‌کدام ان میں سے یہ غلط ہیں ہے में से इनमें यह ये सही
    गलत हैं है उत्तर विकल्प के का की কোনটিই নয় সঠিক এর মধ্যে הם נכון נכונות נכונים התשובות
    התשובה מהם מהנל
"""
#: The same for scripts without spaces between words.
_UNSPACED = late(
    "以上|上述|上記|前述|左記|これら|それら|どれ|どちら|いずれ|すべて|全て|みな|両方|両者|两者|二者|三者|同时|既|又|"
    "所有|全部|选项|選項|選択肢|答案|说法|說法|情况|项|項|都|均|皆|全|各|只有|仅|僅|只|のみ|だけ|除了|除|之外|以外|外|"
    "正确|正確|错误|錯誤|正しい|正しくない|誤り|正解|対|对|對|错|是|不|非|无|無|没有|沒有|有|"
    "任何|之一|的|和|及び|及|与|與|以及|或者|或|または|跟|且|かつ|と|や|も|の|が|は|を|か|ない|でもない|である|です|なし|該当|当てはまる|"
    "包括|可能|也|三|两|兩|几|一|个|個|种|種|"
    "위의|위|모두|전부|둘|다|정답|해당|없음|없다|아님|아니다|이상|보기|모든|것|중|와|과|및|또는|만|도|의|은|는|"
    "ทั้งหมด|ข้างต้น|ข้อ|ถูก|ผิด|ทุก|ไม่มี|และ|หรือ|ทั้ง|ที่กล่าวมา|ใด|ไม่ใช่|เท่านั้น|กล่าว|มา"
)
_UNSPACED_QUANTITY = late(
    "都|均|皆|全|所有|两者|二者|両者|両方|各|すべて|いずれ|どれ|どちら|該当なし|无|無|没有|沒有|任何|"
    "(?:以上|上述)(?:选项|選項|答案|说法|說法|三|两|兩|几)|모두|전부|모든|없음|없다|ทั้งหมด|ทุก|ไม่มี"
)
_UNSPACED_ONLY = late("只|仅|僅|のみ|だけ|만")
_UNSPACED_ABOVE = late("以上|上述|上記|前述|左記|위|이상|ข้างต้น|กล่าว")
_UNSPACED_SCRIPT = f"{CJK}\u0e00-\u0e7f"

_QUANTITY, _COUNT, _PLACE, _HEADING, _AFTER, _SCOPE = (
    frozenset(words.split()) for words in (_QUANTITIES, _COUNTS, _ABOVE, _AT_HEAD, _BELOW, _ONLY)
)
_FUNCTION = frozenset((*_JOINING.split(), *_SPEAKING.split()))
_SILENT = _FUNCTION | _QUANTITY | _COUNT | _PLACE | _AFTER | _SCOPE
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")
#: What may stand between words. Any other sign ("%", "=", "°") is content.
_SEPARATORS = late(r"[\s.,;:!?()\[\]{}\"'`“”‘’«»„、。，．・･؛،।/&+>|\-–—]+")
#: "2.5", "1/2", "3-5", "D-1": numbers and names, and not places.
_AMOUNT = late(r"\d\s*[./:~\-–—]\s*\d|[^\W\d_]-\d")
#: A conjunction of a language that is not known here: "A ja C".
_SHORT = 4


def mentions(options: Mapping[str, str]) -> dict[str, Mention]:
    """Label → how that option refers to others; options that refer to none are left out.

    Read are letters of many scripts, numbers and Roman numerals up to the number of options, with
    the conjunctions and quantifiers of some thirty languages. In doubt an option counts as naming
    others ("A and D" may be two vitamins): a question in its given order is never wrong.
    """
    labels = tuple(options)
    bare = {label: _without(label, text) for label, text in options.items()}
    if sum(bare[label] != text for label, text in options.items()) > 1:
        return dict.fromkeys(labels, Mention.LABELS)  # their letters are printed in their texts
    read = {label: _Option(text, labels) for label, text in bare.items()}
    packed = sum(option.packed for option in read.values()) > 1
    found = ((label, option.mention(packed)) for label, option in read.items())
    return {label: mention for label, mention in found if mention is not None}


def _without(label: str, text: str) -> str:
    """The text without its own label, where it is printed in it too: "d) None of the above"."""
    return re.sub(rf"^\s*\(?{re.escape(label)}[).:]\s+(?=\S)", "", text, flags=re.IGNORECASE)


class _Option:
    """The words of one option: ``packed`` where letters without a space are all there is."""

    def __init__(self, text: str, labels: Sequence[str]) -> None:
        self.labels = labels
        self.letter = letters(tuple(labels), True).token
        normal = unicodedata.normalize("NFKC", text).replace("\u05f4", "")
        self.amount = _AMOUNT.search(normal) is not None
        self.unspaced = "".join(re.findall(f"[{_UNSPACED_SCRIPT}]+", normal))
        self.words = list(self._words(normal))
        self.packed = len(self.words) == 1 and self._is_packed(self.words[0])

    def _words(self, text: str) -> Iterator[str]:
        parted = re.sub(f"([{_UNSPACED_SCRIPT}]+)", r" \1 ", text)
        for word in filter(None, _SEPARATORS.split(parted)):
            if re.match(f"[{_UNSPACED_SCRIPT}]", word) and not self._is_label(word):
                yield from _UNSPACED.sub(" ", word).split()
            elif word[0] in "وו" and (self._is_label(word[1:]) or word[1:] in _SILENT):
                yield word[1:]
            else:
                yield word

    def mention(self, packed: bool) -> Mention | None:
        """``packed``: several options of the question are letters without a space."""
        low = [word.casefold() for word in self.words]
        named = [word for word in self.words if self._is_label(word)]
        runs = [word for word in self.words if self._is_run(word)]
        silent = [word in _SILENT for word in low]
        content = [
            word
            for word, quiet in zip(self.words, silent, strict=True)
            if not quiet and word not in named and word not in runs
        ]
        scoped = any(word in _QUANTITY | _SCOPE for word in low) or bool(
            _UNSPACED_QUANTITY.search(self.unspaced)
            or re.search("只|仅|僅|のみ|だけ|만", self.unspaced)
        )
        if not self.amount and (not content or self._joined(content)):
            # The "i" of "A i C" joins; that of "i and iii" is a numeral.
            meant = {word for word in named if word not in _SILENT}
            meant = meant if len(meant) > 1 else {*named}
            several = len(meant) > 1 and len({*map(_kind, meant)}) == 1
            if several or (named and scoped):
                return Mention.LABELS
            if runs and (named or scoped or packed or any(map(_ascends, runs))):
                return Mention.LABELS
        return self._of_all(low, all(silent)) if not named else None

    def _joined(self, content: Sequence[str]) -> bool:
        """Whether labels stand at both ends, and what is between is one short word."""
        first, *between, last = self.words if len(self.words) > 2 else ("", "")
        return (
            len(content) == 1
            and len(content[0]) <= _SHORT
            and content[0].isalpha()
            and not re.match(f"[{_UNSPACED_SCRIPT}]", content[0])
            and content == [word for word in between if not self._is_label(word)]
            and all(self._is_label(word) and not word.isdigit() for word in (first, last))
        )

    def _of_all(self, low: Sequence[str], whole: bool) -> Mention | None:
        """ "All of the above", "None", and these at the head of more words."""
        quantity = any(word in _QUANTITY for word in low)
        some = quantity or any(word in _COUNT for word in low)
        if whole and quantity and any(word in _AFTER for word in low):
            return Mention.LABELS
        if (whole and some and any(word in _PLACE for word in low)) or _heads(low):
            return Mention.ABOVE
        if _UNSPACED_QUANTITY.search(self.unspaced) and (
            _UNSPACED_ABOVE.match(self.unspaced)
            or (whole and _UNSPACED_ABOVE.search(self.unspaced))
        ):
            return Mention.ABOVE
        unspaced = _UNSPACED_QUANTITY.search(self.unspaced) is not None
        return Mention.REST if whole and (quantity or unspaced) else None

    def _is_label(self, word: str) -> bool:
        if word.isupper() or word.islower():
            return bool(self.letter.fullmatch(word)) or word.upper() in _ROMAN[: len(self.labels)]
        return bool(self.letter.fullmatch(word))

    def _is_run(self, word: str) -> bool:
        return self._is_packed(word) and word.casefold() not in _SILENT

    def _is_packed(self, word: str) -> bool:
        """Whether it is letters of options without a space, as "ABD" or "ac"."""
        alike = word.isupper() or word.islower()
        own = {*word.upper()} <= {*self.labels}
        return alike and own and len(word) > 1 and len({*word}) == len(word)


def _ascends(run: str) -> bool:
    """ "ABD" names options on its own; "AB" may be a blood group, and "CAB" an acronym."""
    return len(run) > 2 and list(run) == sorted(run)


def _kind(label: str) -> str:
    """Labels are of one kind where they are meant together: "A b" is a name."""
    if not label.isascii():
        return "other"
    return "number" if label.isdigit() else "upper" if label.isupper() else "lower"


def _heads(low: Sequence[str]) -> bool:
    """Whether a quantity is followed by "above" or its like, with no content between."""
    for place, word in enumerate(low):
        if word in _HEADING:
            before = list(low[max(0, place - 4) : place])
            while before and before[-1] in _SILENT:
                if before.pop() in _QUANTITY:
                    return True
    return False
