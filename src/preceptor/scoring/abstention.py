"""Whether an answer says that there is no result, in forty languages."""

from __future__ import annotations

import re

from preceptor.patterns import late
from preceptor.scoring.languages.patterns import Phrases
from preceptor.scoring.numerals import lowered

__all__ = ["ABSTAINED", "says_nothing", "says_unanswerable"]

#: Read out of an answer that says that there is no result.
ABSTAINED = "N/A"

#: By language: words for "cannot", words for what cannot be done after them in the same clause
#: (before them in languages that put the verb last), and words that say it alone.
_UNANSWERABLE = (
    (  # en
        r"can ?not|can['’]t|could not|couldn['’]t|unable to|(?:not|im)possible|not (?:be )?able to",
        r"calculat|comput|determin|answer|provide|assess|deriv|estimat|obtain|established",
        r"not (?:computable|calculable)|incalculable|indetermina(?:te|ble)|undetermined"
        r"|(?:insufficient|inadequate|missing|(?:not|no|without|lacks?|isn['’]t|aren['’]t|don['’]t"
        r"|doesn['’]t)(?: have)? (?:enough|sufficient|adequate)) (?:\w+ )?(?:data|information"
        r"|details)\b"
        r"|calculation (?:is )?(?:not |im)possible",
    ),
    (  # de
        r"nicht|kein\w{0,2}|unmöglich",
        r"(?:be|er)rechn|bestimm|bestimmt|ermittel|beantwort|geschätzt",
        r"(?:unzureichende|unvollständige|fehlende|zu wenige?|nicht (?:genügend|genug|ausreichend))"
        r" (?:daten|angaben|information)|(?:daten|angaben) (?:reichen nicht|fehlen)"
        r"|berechnung (?:ist )?(?:nicht |un)möglich",
    ),
    (  # fr
        r"impossible|(?:ne|n['’]) ?(?:peu[xt]|pouvons|peuvent|pouvait|saurait|est|sont)",
        r"calcul|détermin|estim|répond|établi",
        r"(?:données|informations?) (?:sont |est )?(?:insuffisante|manquante)|incalculable"
        r"|(?:pas assez|manque) de données|pas suffisamment d|indéterminable"
        r"|calcul (?:est )?impossible",
    ),
    (  # es
        r"no (?:se |es |me es )?(?:puede|pueden|puedo|podemos|pudo|posible)|imposible",
        r"calcul|determin|estim|respond|obten|comput",
        r"(?:datos|información) (?:es |son )?insuficiente|insuficientes? (?:datos|información)"
        r"|faltan datos|no hay (?:suficientes? )?(?:datos|información)|incalculable|indeterminable",
    ),
    (  # pt
        r"não (?:é |foi |se )?(?:possível|pode|podem|posso|podemos|dá para|há como)|impossível",
        r"calcul|determin|estim|respond|obter|comput",
        r"(?:dados|informaç\w+) (?:são )?insuficiente|faltam (?:os )?dados|incalculável"
        r"|não há (?:dados|informaç)",
    ),
    (  # it
        r"non (?:è |si |è stato )?(?:possibile|può|possono|posso|possiamo)|impossibile",
        r"calcol|determin|stim|rispond|ottener",
        r"(?:dati|informazioni) (?:sono )?insufficienti|mancano (?:i )?dati|incalcolabile"
        r"|non ci sono (?:dati|informazioni)",
    ),
    (  # nl
        r"niet|geen|onmogelijk",
        r"(?:te )?bereken|bepaal|te bepalen|vast(?:ge|\s)stel|beantwoord",
        r"(?:onvoldoende|te weinig|ontbrekende|niet genoeg) (?:gegevens|informatie|data)",
    ),
    (  # sv, da, no
        r"inte|ikke|ej|omöjlig\w*|umulig\w*|kan ikkje",
        r"(?:att |å )?(?:beräkn|bestäm|fastställ|beregn|bestem|udregn|fastsl|fastsett|svara"
        r"|besvar)",
        r"(?:otillräcklig|utilstrækkelig|utilstrekkelig)\w* (?:data|information|informasjon|uppgift"
        r"|oplysning|opplysning)|(?:inte|ikke) (?:tillräckligt|nok|tilstrækkelig\w*)",
    ),
    (  # fi
        r"ei (?:voi|voida|voitu|pysty\w*|ole mahdollista|saada)|mahdotonta",
        r"laske|määrit|arvioi|vastat",
        r"riittämätt\w+|ei (?:ole )?riittäv\w+",
    ),
    (  # pl
        r"nie (?:można|da się|jest możliwe|mogę|sposób|udało się)|niemożliw\w+",
        r"(?:ob|wy|prze)licz|określ|ustal|wyznacz|poda[ćn]|oszacow|odpowie",
        r"niewystarczając\w+ (?:dan|inform)|brak(?:uje)? danych|za mało danych",
    ),
    (  # cs, sk
        r"nelze|nen[ií] možn\w+|nie je možn\w+|nedá s[ea]|nemůž\w+|nemožn\w+|nemohu",
        r"(?:vy|s|do)počí|urč|stanov|odhad|odpověd|zjisti",
        r"(?:chybí|chýbajú) (?:údaj|dat)|nedostat\w+ (?:údaj|dat|inform)",
    ),
    (  # hu
        r"nem|lehetetlen",
        r"(?:ki)?számí?t|(?:meg)?határoz|(?:meg)?állapít|megválaszol",
        r"(?:nincs (?:elég|elegendő)|nem áll rendelkezésre elég\w*|kevés az?|elégtelen) ?"
        r"(?:adat|informáci)",
    ),
    (  # ro
        r"nu (?:se |este |e )?(?:poate|pot|putem|posibil\w?)|imposibil",
        r"calcul|determin|estim|stabil|răspun",
        r"(?:date|informații)(?:le)? (?:sunt )?insuficiente|lipsesc date"
        r"|nu există (?:suficiente )?date",
    ),
    (  # el
        r"δεν|αδύνατ\w+|αδυνατ\w+|μη",
        r"(?:να )?(?:υπολογ|προσδιορ|καθορ|εκτιμη|απαντη)",
        r"(?:ανεπαρκ\w+|ελλιπ\w+) (?:δεδομέν|στοιχεί|πληροφορί)"
        r"|δεν υπάρχουν (?:αρκετά|επαρκή|επαρκείς)",
    ),
    (  # tr, az
        r"hesap\w*|belirle\w*|sapta\w*",
        r"mümkün değil|olanaksız|imkansız|imkânsız",
        r"(?:hesapla|hesaplana|belirle|belirlene|bulun|saptana|cevaplana|yanıtlana)(?:y?a|y?e)?m"
        r"(?:az|ez|ıyor|iyor|adı|edi|amakta|emekte|ayız|eyiz)\w*"
        r"|yetersiz (?:veri|bilgi)|(?:yeterli|gerekli) (?:veri|bilgi) (?:yok|bulunm|veril|değil)"
        r"|(?:veri|bilgi)(?:ler)? (?:yetersiz|eksik)",
    ),
    (  # ru
        r"невозможн\w+|нельзя|не удаётся|не удается|не удалось|не (?:может|могут|могу|можем)"
        r"|не представляется возможн\w+|не поддаётся|не поддается",
        r"(?:рас|под|вы|по|об)?с?чит|рассч|вычисл|определ|ответ|оцен|установ|расчёт|расчет",
        r"(?:недостаточно|не хватает|нет) (?:данных|информации|сведений)"
        r"|(?:данных|информации|сведений) (?:недостаточно|не хватает)"
        r"|(?:рассчитать|вычислить|определить|оценить)\w* (?:\w+ )?(?:нельзя|невозможно|не уда)",
    ),
    (  # uk
        r"неможлив\w+|не можна|не вдається|не вдалося|не (?:може|можуть|можу|можемо)",
        r"обчисл|розрах|визнач|порах|встанов|відпов|оцін",
        r"(?:недостатньо|бракує|немає) (?:даних|інформації)|(?:даних"
        r"|інформації) (?:недостатньо|бракує)"
        r"|(?:обчислити|розрахувати|визначити) (?:\w+ )?(?:неможливо|не можна|не вда)",
    ),
    (  # bg, sr, hr, sl
        r"не може|невъзможно|nije moguće|ne mo[žg]\w+|nemoguće|ni mogoče|није могуће|не може се",
        r"(?:да )?(?:се )?(?:изчисл|определ|установ|израчун|одред)|(?:se )?(?:iz|od)(?:račun|red)"
        r"|utvrd|določ|procijen",
        r"(?:недостатъчно|недовољно) (?:данни|информация|подат)|nedovoljno (?:podat|inform)",
    ),
    (  # ar
        r"لا يمكن\w*|لا (?:أ|ن|ي|ت)ستطيع|لا يمكنني|يتعذر|تعذر|(?:من )?المستحيل|يستحيل|غير ممكن"
        r"|ليس من الممكن|لم يمكن|لا يتسنى",
        r"(?:ال)?(?:حساب|تحديد|احتساب|تقدير|إجابة|تعيين)|يحسب|نحسب|معرفة",
        r"(?:البيانات|المعلومات|بيانات|معلومات) (?:\w+ )?(?:غير كافية|ناقصة|غير مكتملة)"
        r"|لا توجد (?:بيانات|معلومات)|غير قابل\w* للحساب",
    ),
    (  # fa
        r"محاسبه|تعیین|حساب",
        r"نمی ?(?:توان|شود|کن|تواند)\w*|ممکن نیست|امکان ?پذیر نیست|غیر ?ممکن",
        r"(?:نمی ?توان\w*)[^.؛؟\n]{0,25}(?:محاسبه|تعیین|حساب)|قابل محاسبه نیست|غیر ?قابل ?محاسبه"
        r"|(?:اطلاعات|داده\w*) (?:کافی نیست|ناکافی|کافی (?:وجود ندارد|نداریم))",
    ),
    (  # ur
        r"شمار|حساب|معلوم|تعین|اندازہ",
        r"نہیں (?:کیا|کی|ہو|کر|لگایا)(?: جا)? ?سک\w*|ممکن نہیں|ناممکن",
        r"(?:معلومات|ڈیٹا) (?:ناکافی|کافی نہیں|مکمل نہیں)|ناکافی (?:معلومات|ڈیٹا)",
    ),
    (  # he
        r"לא (?:ניתן|אפשרי|יכול\w*|נוכל|אפשר)|אי[ -]אפשר|בלתי אפשרי|אין אפשרות|איני יכול\w*",
        r"ל?(?:חשב|חישוב|קבוע|העריך|ענות|הסיק|קביעת)",
        r"(?:אין|חסר) (?:מספיק |די )?(?:נתונים|מידע)|חסרים נתונים|(?:מידע|נתונים) לא מספיק",
    ),
    (  # hi, mr, ne
        r"गणना|निर्धार\S*|ज्ञात|परिकल\S*|आकलन|उत्तर|हिसाब|पता",
        r"नहीं (?:की|किया|हो|कर|दिया|लगाया)(?: जा)? ?सक|(?:संभव|सम्भव|मुमकिन) नहीं|असंभव|शकत नाही"
        r"|सकिँदैन",
        r"अपर्याप्त (?:जानकारी|डेटा|आँकड़े)|पर्याप्त (?:जानकारी|डेटा|आँकड़े) (?:नहीं|उपलब्ध नहीं)",
    ),
    (  # bn
        r"গণনা|নির্ণয়|নির্ণয়|নির্ধারণ|হিসাব|উত্তর",
        r"(?:যায়|যাচ্ছে|যাবে|পারি|পারছি|সম্ভব) ?(?:না|নয়|নয়)|যায় না|সম্ভব নয়|অসম্ভব",
        r"(?:অপর্যাপ্ত (?:তথ্য|ডেটা))|(?:পর্যাপ্ত|যথেষ্ট) (?:তথ্য|ডেটা) নেই",
    ),
    (  # ta, te, gu, kn, ml, pa
        r"கணக்கிட|தீர்மானிக்க|நிர்ணயிக்க|లెక్కించ|నిర్ణయించ|గణించ|ગણતરી|ગણી|નક્કી|ಲೆಕ್ಕ|ನಿರ್ಧರಿಸ"
        r"|കണക്കാക്ക|നിർണ്ണയിക്ക|ਗਣਨਾ|ਨਿਰਧਾਰਤ",
        r"முடியாது|முடியவில்லை|இயலாது|లేము|సాధ్యం కాదు|వీలు కాదు|సాధ్యపడదు|શકાતી નથી"
        r"|શકાતું નથી|શકાય નહીં"
        r"|શક્ય નથી|ಸಾಧ್ಯವಿಲ್ಲ|ಆಗುವುದಿಲ್ಲ|കഴിയില്ല|സാധ്യമല്ല|ਨਹੀਂ (?:ਕੀਤੀ|ਕੀਤਾ|ਹੋ)|ਸੰਭਵ ਨਹੀਂ",
        r"போதுமான (?:தகவல்|தரவு)\S{0,4} இல்லை|తగినంత (?:సమాచారం|డేటా) లేదు|પૂરતી માહિતી નથી",
    ),
    (  # zh
        r"无法|無法|不能|难以|難以|不可能|没法|沒法|不足以|无从|無從",
        r"计算|計算|确定|確定|得出|判断|判斷|估算|回答|求出|算出|评估|評估|推算|得到|给出",
        r"(?:信息|数据|資料|资料|条件|資訊|數據)(?:不足|不够|不夠|缺失|缺乏|不全|不完整)|不可计算|無解|无解"
        r"|缺(?:少|乏)(?:必要|足够|计算)",
    ),
    (  # ja
        r"計算|算出|決定|判断|判定|求め|特定|回答|推定|評価|算定",
        r"(?:が|は|も)?(?:でき|出来)(?:ない|ません|ず)|られ(?:ない|ません)|不可(?:能)?|困難",
        r"(?:情報|データ)[がは]?(?:不足|足り(?:ない|ません|ず)|不十分)",
    ),
    (  # ko
        r"계산|산출|결정|판단|구할|확인|추정|산정|답할|알",
        r"수(?:가|는)? ?없|불가|못\s?(?:합|하|했)",
        r"(?:정보|데이터|자료)(?:가|이)? ?(?:부족|불충분|충분하지 않|충분치 않)",
    ),
    (  # vi
        r"không (?:thể|có thể|cách nào)|chưa thể",
        r"tính|xác định|trả lời|ước tính|đưa ra",
        r"(?:không đủ|thiếu|chưa đủ) (?:dữ liệu|thông tin|dữ kiện)|không (?:tính|xác định) được",
    ),
    (  # id, ms
        r"(?:tidak|tak|belum) (?:dapat|bisa|mungkin|boleh)|mustahil",
        r"(?:di|meng|men)?(?:hitung|tentukan|entukan|kira|jawab|perkirakan|tetapkan|estimasi)",
        r"(?:data|informasi|maklumat) (?:tidak (?:cukup|mencukupi|lengkap|memadai)|kurang)"
        r"|(?:tidak cukup|kekurangan|kurang) (?:data|informasi|maklumat)",
    ),
    (  # th
        r"ไม่สามารถ|ไม่อาจ|มิอาจ",
        r"คำนวณ|ระบุ|หา|กำหนด|ประเมิน|ตอบ|บอก",
        r"(?:คำนวณ|ระบุ|หาค่า|ประเมิน)ไม่ได้|ข้อมูล(?:ที่มี|มี)?ไม่(?:เพียงพอ|พอ|ครบ)|เป็นไปไม่ได้",
    ),
    (  # sw
        r"(?:ha|hai|hau|hazi|si|hatu|haku|haiku)(?:wez|weza|wezi|wezekan)\w*",
        r"(?:ku)?(?:kokoto|hesab|amul|jibu|pata|kadiri|tambu)\w*",
        r"(?:taarifa|data|maelezo) (?:hai|hazi|haya)(?:toshi|jatosheleza)",
    ),
    (  # am, ha, tl
        r"ማስላት|መወሰን|ማወቅ|ba (?:za a iya|zai yiwu|a iya|zan iya)|hindi (?:ma\w*|kaya\w*)",
        r"አይቻልም|አይችልም|አልተቻለም|አይቻልም|lissaf\w*|ƙayyade|kayyade|(?:ma|ka)?(?:kalkul|tukoy|kuwenta)\w*",
        r"ሊሰላ አይችልም|በቂ (?:መረጃ|ዳታ) የለም|babu isasshen|kulang (?:ang|sa) (?:datos|impormasyon)",
    ),
)
#: Text between the two, within one clause.
_CLAUSE = r"[^.;。；।!?？\n]{0,40}?"


_CANNOT = Phrases(
    "|".join(f"{first}|{alone}" for first, _, alone in _UNANSWERABLE),
    "|".join(f"(?:{first}){_CLAUSE}(?:{then})|{alone}" for first, then, alone in _UNANSWERABLE),
)
_NOTHING = Phrases(
    r"n/a\b(?<![\w-].{3})|(?:not applicable|null|unknown|unbekannt|inconnue?|desconocid[oa]"
    "|desconhecid[oa]|sconosciut[oa]|onbekend|неизвестно|невідомо|nieznan[aey]|okänt|ukendt|ukjent"
    "|bilinmiyor|tidak diketahui|không rõ|nicht anwendbar|sans objet|no aplica(?:ble)?"
    r"|não (?:se )?aplic\w+|non applicabile|niet van toepassing|неприменимо|nie dotyczy"
    r"|tidak berlaku|không áp dụng)(?![^\W\d_])"
    "|غير معروف|غير متوفر|لا ينطبق|לא ידוע|לא רלוונטי|نامشخص|अज्ञात|लागू नहीं|অজানা|প্রযোজ্য নয়"
    "|不适用|不適用|未知|不明|該当なし|해당 ?없음|알 수 없|ไม่ทราบ|ไม่เกี่ยวข้อง"
)
_NA = late(r"\W*na\b")


def says_unanswerable(text: str) -> re.Match[str] | None:
    """Where a text says that the result cannot be had."""
    return _CANNOT.search(lowered(text))


def says_nothing(text: str) -> re.Match[str] | None:
    """Where a text has a word such as "unknown" or "N/A"."""
    lower = lowered(text)
    return _NA.match(lower) or _NOTHING.search(lower)
