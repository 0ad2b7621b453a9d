"""The words that announce an answer, and those that qualify the announcement, by language."""

from __future__ import annotations

import msgspec

__all__ = ["LANGUAGES", "Words"]


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """The words of one language, or of neighbours that share them: alternatives between ``|``.

    They are regular expressions; word boundaries are added where the script has any. A leading
    ``^`` asks for the beginning of a clause.

    Attributes
    ----------
    answer
        Nouns, and verbs of choosing, after which the answer is named.
    right, option
        Together they announce as well ("best option", "opción correcta"); ``right`` also after a
        letter ("B es correcta").
    link
        What may stand between announcement and letter.
    other
        What makes it not the answer: wrong, second best, alternative.
    negation
        What rejects the letter that follows.
    supposed
        Earlier in the sentence: a condition, or the view of others.
    turned
        Right after the letter: a negation or a condition.
    group
        Those for whom alone the announcement holds ("for pregnant women").
    follows
        What may follow a letter without making it a part of a name.
    question
        The heading of a question.
    """

    answer: str = ""
    choosing: str = ""
    right: str
    option: str
    link: str
    other: str
    negation: str
    supposed: str
    reported: str = ""
    group: str
    question: str
    turned: str = ""
    follows: str = ""


_EN = Words(
    answer=(
        r"answers?(?!\s+(?:choices|options)\b|\s+(?:choice|option)\s+\(?\w\b)|ans\.?"
    ),
    right="correct|right|best|final|appropriate|likely|accurate|chosen|selected|my",
    option=(
        "option|choice|alternative|letter|diagnosis|statement|selection|one|step|treatment"
        "|management|cause|mechanism|explanation|test|intervention"
    ),
    link=(
        "is|are|was|would|should|must|will|be|to|seems|the|therefore|thus|hence|likely|most"
        "|probably|clearly|definitely|it['’]s|it|by far|options?|choice|letter|number|answer"
        "|alternative|correct|right|best|appropriate|either|here|select|for|this|question|final"
        "|among|these|given|maybe|perhaps|so|i think|i believe|that|might|may"
    ),
    other=(
        r"wrong|incorrect|false|least|worst|alternative|another|other|previous|earlier|initial"
        r"|original|preliminary|tempting|common|distractor|second|third|2nd|runner-up|not"
        r"|next(?:[- ](?:best|most))?|backup|fallback"
    ),
    negation=r"not?|\w+n['’]t|cannot|never|neither|except|could|rul\w+ out|exclu\w+|eliminat\w+|reject\w+",
    supposed=(
        r"^(?:\w+\s+)?if|(?:and|or|but|even|only|then|that) if|unless|whether|in case|suppos\w+"
        r"|assuming|otherwise|^had|^were|^should|^provided|only when"
    ),
    reported=(
        r"(?:some|many|most|others?|students?|people|candidates?|colleagues?|clinicians?"
        r"|examinees|one|you|they|he|she)\s+(?:\w+\s+){0,3}?"
        r"(?:say|said|think|thought|argue|choose|chose|pick|select|believe|suspect|consider"
        r"|claim|guess|answer|wr[io]te|mark|favou?r)(?:s|d|ed)?"
        r"|(?:students?|candidates?|examinees|many|some|others)\s+(?:\w+\s+){0,2}"
        r"|(?:question|task|prompt|exam|stem) asks"
        r"|I (?:first |initially |originally )?(?:considered|thought|assumed|suspected)"
    ),
    group=(
        r"(?:for|in|among|with)\s+(?!this|that|these|the|our|her|his|a\b|an\b|question|which)"
        r"(?:(?!this|the)[\w-]+\s+){0,3}?(?:women|pregnancy|pregnant|children|infants?|neonates?"
        r"|newborns?|adolescents?|adults|men|patients|people|asthma|allergy|breastfeeding|elderly"
        r"|those|others|athletes|smokers|individuals|persons)"
        r"|(?:for|in)\s+(?:a|an)\s+(?:pregnant|child|infant|neonate|newborn|elderly|breastfeeding"
        r"|different|older|younger)"
    ),
    question="question|problem|exercise|next question|new question|case|q",
    turned=r"[,]?\s*(?:only |but only )?(?:if|unless|provided|when|in case)",
    follows=(
        "is|are|was|because|since|as|due|given|based|which|with|for|seems|appears|would|and|or|but"
        "|so|per|in|from|to|option|only|correct|rather|instead|not|when|while|although|though|if"
        "|after|unlike|where|whereas|this|it|the|they|here|then|by"
    ),
)

LANGUAGES: dict[str, Words] = {
    "en": _EN,
    "es": Words(
        answer="respuestas?",
        choosing="elijo|escojo|selecciono|clave",
        right="correct[ao]|mejor|adecuad[ao]|acertad[ao]|indicad[ao]",
        option="opci[óo]n|alternativa|elecci[óo]n|respuesta|tratamiento|diagn[óo]stico",
        link="es|ser[íi]a|la|el|opci[óo]n|correcta?|letra|final|m[áa]s|por (?:lo )?tanto|de",
        other="incorrect[ao]|err[óo]ne[ao]|fals[ao]|siguiente mejor|segunda|otra|alternativa|menos|peor|equivocad[ao]",
        negation="no|nunca|tampoco",
        supposed="^si|cuando|en caso de",
        reported="much[oa]s dir[íi]an|algun[oa]s|much[oa]s",
        turned=",? (?:solo |s[óo]lo )?si",
        group=r"(?:en|para) (?:las |los |el |la )?(?:mujeres|embaraz\w+|gestantes|niñ[oa]s|ancian\w+|lactantes|pacientes (?!de este)\w+|adultos|personas|al[ée]rgic\w+)|durante el embarazo",
        follows="porque|ya|pues|dado|debido|y no|es|por",
        question="pregunta|caso|ejercicio|problema",
    ),
    "pt": Words(
        answer="respostas?",
        choosing="gabarito|escolho|seleciono",
        right="corret[ao]|melhor|adequad[ao]|cert[ao]|indicad[ao]|exat[ao]",
        option="op[cç][ãa]o|alternativa|escolha|letra|resposta|tratamento|diagn[óo]stico",
        link=(
            r"(?-i:é a)(?=\s)|é|seria|op[cç][ãa]o|a letra|letra|a alternativa|a op[cç][ãa]o"
            r"|alternativa|correta|certa|final|portanto|mais|de"
        ),
        other="incorret[ao]|errad[ao]|fals[ao]|segunda|outra|menos|pior|pr[óo]xima melhor",
        negation="não|nunca|nem",
        supposed="^se|caso|quando",
        reported="muitos diriam|alguns|muitos",
        turned=",? (?:apenas |só )?(?:se|caso)",
        group=r"(?:em|para|nas|nos|na|no) (?:as |os )?(?:mulheres|gestantes?|gr[áa]vidas?|crianças|idos[oa]s|lactentes|pacientes|adultos|pessoas|al[ée]rgic\w+|gravidez|gestação)",
        follows="porque|pois|já|dado|devido|uma vez|e não|é|por",
        question="pergunta|quest[ãa]o|caso|exerc[íi]cio|problema",
    ),
    "fr": Words(
        answer="réponses?|reponses?",
        choosing="je choisis|je s[ée]lectionne",
        right="correcte?|bonne?|meilleure?|exacte?|juste|adapt[ée]e?",
        option="option|proposition|choix|alternative|réponse|traitement|diagnostic",
        link="est|serait|qui|donc|la|le|l['’]|lettre|proposition|option|correcte|bonne|exacte|finale|plus|ainsi",
        other="incorrecte?|fausse|mauvaise?|erron[ée]e?|deuxi[èe]me|seconde|autre|alternative|moins|pire",
        negation=r"pas|ne|jamais|n['’]est",
        supposed=r"^si|^s['’]il|au cas|lorsque",
        reported="certains|beaucoup|d['’]aucuns",
        turned=",? (?:seulement )?(?:si|s['’]il)",
        group=r"(?:chez|pour) (?:la |le |les |l['’]|une |un )?(?:femmes?|enfants?|nourrissons?|personnes?|patients (?!de)\w+|adultes?|sujets?)|pendant la grossesse|en cas de",
        follows="car|parce|puisque|et non|est|en raison|:",
        question="question|cas|exercice|problème",
    ),
    "de": Words(
        answer="antwort",
        choosing="ich wähle|lösung(?=\\s*[:=])",
        right="richtige?[rsn]?|korrekte?[rsn]?|beste?[rsn]?|zutreffende?[rsn]?|passende?[rsn]?",
        option="option|antwort|antwortoption|antwortmöglichkeit|wahl|möglichkeit|aussage|alternative",
        link="ist|wäre|lautet|die|der|das|also|somit|daher|richtige?|antwort|option|buchstabe|wohl",
        other="falsche?[rsn]?|unzutreffende?[rsn]?|inkorrekte?[rsn]?|zweitbeste?[rsn]?|nächstbeste?[rsn]?|andere?[rsn]?|alternative|unwahrscheinlichste?|schlechteste?",
        negation="nicht|nie|keine?",
        supposed="wenn|falls|sofern|^sollte|ob",
        reported="viele|manche|einige",
        turned=",? (?:nur )?(?:wenn|falls|sofern)",
        group=r"(?:bei|für) (?:den |der )?(?:schwangere\w*|kinder\w*|säugling\w*|ältere\w*|frauen|patienten|patientinnen|erwachsene\w*|menschen|stillende\w*)|in der schwangerschaft",
        follows="denn|weil|da|und nicht|ist|wegen|aufgrund",
        question="frage|fall|aufgabe",
    ),
    "it": Words(
        answer="rispost[ae]",
        choosing="scelgo|seleziono",
        right="corrett[ao]|miglior[ei]?|giust[ao]|esatt[ao]|adeguat[ao]|appropriat[ao]",
        option="opzione|alternativa|scelta|risposta|trattamento|diagnosi",
        link="è|sarebbe|la|l['’]|lettera|opzione|corretta|finale|quindi|pi[ùu]|dunque",
        other="sbagliat[ao]|errat[ao]|scorrett[ao]|fals[ao]|seconda|altra|alternativa|meno|peggiore",
        negation="non|mai|né",
        supposed="^se|qualora|nel caso",
        reported="alcuni|molti",
        turned=",? (?:solo )?se",
        group=r"(?:nelle?|nei|negli|per|in) (?:le |i |gli |la |il )?(?:donn[ae]|gravidanza|gravid[ae]|bambin[io]|anzian[io]|neonat[io]|pazienti (?!di)\w+|adulti|persone|soggetti)",
        follows="perché|poiché|in quanto|e non|è|dato",
        question="domanda|caso|esercizio|problema|quesito",
    ),
    "ro": Words(
        answer="răspunsul|răspuns|raspunsul|raspuns",
        choosing="aleg",
        right="corect[ăa]?|bun[ăa]?|potrivit[ăa]?|optim[ăa]?",
        option="opțiune[a]?|opțiunea|varianta|variantă|variant[ăa]|alegere[a]?",
        link="este|e|ar fi|deci|final|corect[ăa]?|varianta|opțiunea|litera|la întrebare",
        other="greșit[ăa]?|incorect[ăa]?|fals[ăa]?|a doua|alternativ[ăa]?|alt|altă|următoarea",
        negation="nu",
        supposed="dacă|^de|când",
        reported="unii|mulți",
        turned=",? (?:doar )?dacă",
        group=r"(?:la|pentru|în cazul) (?:femeile?|gravide\w*|copi\w+|vârstnic\w+|sugar\w+|pacienții cu|adulți\w*)|în sarcină",
        follows="deoarece|pentru|fiindcă|întrucât|și nu|este",
        question="întrebarea?|întrebare|caz|problema",
    ),
    "nl": Words(
        answer="antwoord",
        choosing="ik kies",
        right="juiste?|correcte?|beste|goede?|goed",
        option="optie|antwoord|keuze|antwoordoptie|mogelijkheid|alternatief",
        link="is|zou|zijn|luidt|dus|optie|antwoord|letter|het|de|juiste|correcte",
        other="onjuiste?|foute?|verkeerde?|alternatieve?|ander|andere|tweede|op één na|op een na|minst|slechtste",
        negation="niet|geen|nooit",
        supposed="^als|indien|wanneer|^mocht",
        reported="sommigen|velen",
        turned=",? (?:alleen )?(?:als|indien)",
        group=r"(?:bij|voor) (?:de )?(?:zwangere?\w*|kinderen|zuigelingen|ouderen|vrouwen|volwassenen|patiënten met)|tijdens de zwangerschap",
        follows="omdat|want|aangezien|en niet|is|wegens|vanwege",
        question="vraag|casus|opgave",
    ),
    "sv da no": Words(
        answer="svaret|svar",
        choosing="jeg velger|jeg vælger|jag väljer",
        right="rätta?|riktiga?|riktige?|rigtige?|korrekta?|korrekte?|bästa?|beste?|bedste?|rett|rette",
        option="alternativet|alternativ|valet|valg|valget|mulighed|muligheden|mulighet|svarsalternativet|svarmulighed|svaralternativ",
        link="är|er|blir|bliver|skulle vara|vil være|alltså|altså|därför|derfor|alternativ|alternativet|mulighed|det|den|rätta?|rette|riktige?|rigtige?",
        other="fel|felaktiga?|feil|forkerte?|gale?|gal|näst bästa?|nest beste?|næstbedste?|andre?|annat|andet|alternativt|minst",
        negation="inte|ikke|ej|aldrig|aldri",
        supposed="^om|hvis|ifall|^når|^när",
        reported="många|mange|noen|nogle|vissa",
        turned=",? (?:bara |kun |bare )?(?:om|hvis)",
        group=r"(?:för|hos|til|till|ved|vid|for|i) (?:de )?(?:gravid\w*|kvinnor|kvinder|kvinner|barn|børn|spädbarn|äldre|ældre|eldre|vuxna|voksne|patienter med|pasienter med)",
        follows="eftersom|för|fordi|da|därför|siden|og ikke|och inte|är|er",
        question="frågan?|spørgsmål(?:et)?|spørsmål(?:et)?|fall|opgave|oppgave",
    ),
    "fi": Words(
        answer="vastaus|vastaukseni",
        choosing="valitsen",
        right="oikea|paras|oikein|sopivin",
        option="vastaus|vaihtoehto|vastausvaihtoehto|valinta",
        link="on|olisi|siis|siten|vaihtoehto|kohta|kirjain|oikea",
        other="väärä|virheellinen|toiseksi|vaihtoehtoinen|toinen|epätodennäköisin",
        negation="ei|eikä",
        supposed="^jos|mikäli",
        reported="jotkut|monet",
        turned=",? (?:vain )?jos",
        group=r"raskaana olev\w+|raskaude\w+|laps\w+lle|lapsilla|vauvoilla|iäkkäille|iäkkäillä|imettäv\w+",
        follows="koska|sillä|eikä|on",
        question="kysymys|tapaus|tehtävä",
    ),
    "hu": Words(
        answer="válasz|válaszom",
        right="helyes|legjobb|megfelelő|jó",
        option="válasz|választás|opció|lehetőség|válaszlehetőség",
        link=r"(?-i:az?)(?=\s+[\"'(]?[A-Z]\b)|tehát|így|ezért|opció|betű|végső|lenne",
        other="helytelen|hibás|rossz|téves|második|alternatív|másik|másodlagos|legkevésbé",
        negation="nem|sem",
        supposed="^ha|amennyiben",
        reported="sokan|egyesek",
        turned=",? (?:csak )?(?:ha|akkor)",
        group=r"terhes\w*|várandós\w*|gyermek\w*|csecsemő\w*|idős\w*|szoptató\w*",
        follows="mert|mivel|és nem|ugyanis|a helyes|válasz",
        question="kérdés|eset|feladat",
    ),
    "pl": Words(
        answer="odpowiedzią|odpowiedź|odpowiedz",
        choosing="wybieram",
        right="prawidłow[aye]|prawidłową|poprawn[aye]|poprawną|właściw[aye]|najlepsz[aye]|najlepszą|trafn[ae]|słuszn[ae]",
        option="odpowied[źz]|odpowiedzią|opcj[aąę]|wybór|wyborem|wariant|możliwość",
        link="to|jest|brzmi|więc|zatem|odpowiedź|opcja|litera|wariant|prawidłowa|poprawna|końcowa|ostateczna|będzie",
        other="błędn[aey]|nieprawidłow[aey]|niepoprawn[aey]|niewłaściw[aey]|fałszyw[aey]|drug[aą]|alternatywn[aey]|inn[aąe]|najmniej|kolejną|kolejna",
        negation="nie",
        supposed="jeśli|jeżeli|gdyby|gdy|czy",
        reported="niektórzy|wiel[eu]|wielu",
        turned=",? (?:tylko )?(?:jeśli|jeżeli|gdyby|gdy)",
        group=r"(?:u|dla|w) (?:kobiet|ciężarnych|dzieci|niemowląt|osób|pacjent\w+ z|pacjentek|dorosłych|ciąży)",
        follows="ponieważ|bo|gdyż|jest|a nie|z powodu",
        question="pytanie|przypadek|zadanie",
    ),
    "cs sk": Words(
        answer="odpověď|odpověd|odpoveď",
        choosing="volím",
        right="správn[áéýěe]|nejlepší|najlepšia|vhodná",
        option="odpověď|možnost|volba|varianta|odpoveď|možnosť",
        link="je|zní|znie|tedy|proto|za|možnost|varianta|písmeno|správná|konečná|by byla",
        other="nesprávn[áéý]|chybn[áéý]|špatn[áéý]|druhá|alternativní|jiná|další|nejméně",
        negation="není|ne|nie|nikoli",
        supposed="pokud|jestliže|kdyby|^když|ak|zda",
        reported="někteří|mnozí",
        turned=",? (?:pouze |jen )?(?:pokud|jestliže|kdyby|ak)",
        group=r"(?:u|pro|pre|v) (?:těhotn\w+|tehotn\w+|dět\w+|det\w+|žen\w*|kojenc\w+|starších|dospěl\w+|pacient\w+ s)",
        follows="protože|neboť|jelikož|je|a ne|kvůli",
        question="otázka|případ|úloha",
    ),
    "ru bg sr": Words(
        answer="ответом|ответ|отговорът|отговор|одговор",
        choosing="выбираю",
        right="правильн\\w+|верн\\w+|верен|лучш\\w+|правилн\\w+|точн\\w+|тачан|најбољ\\w+|най-добр\\w+|подходящ\\w+",
        option="вариант\\w*|ответ\\w*|выбор\\w*|отговор\\w*|опция|одговор",
        link="это|вариант\\w*|буква|под буквой|правильный|верный|является|будет|итак|значит|е|је|итоговый",
        other="неправильн\\w+|неверн\\w+|ошибочн\\w+|ложн\\w+|втор\\w+|альтернативн\\w+|друг\\w+|наименее|следующ\\w+|грешен|грешн\\w+|погрешан|нетачан",
        negation="не|нельзя|није",
        supposed="если|бы|когда|ако|ли",
        reported="некоторые|многие",
        turned=",? (?:только )?(?:если|ако)",
        group=r"(?:для|у|при|за|код) (?:беременн\w+|дет\w+|женщин\w*|пожил\w+|новорожд\w+|кормящ\w+|взросл\w+|пациентов с|бременн\w+|трудн\w+|деца|деце)|во время беременности",
        follows="потому|так|поскольку|ведь|а не|является|из-за|верен|—|-",
        question="вопрос|задача|случай|въпрос|питање",
    ),
    "uk": Words(
        answer="відповіддю|відповідь",
        choosing="обираю",
        right="правильн\\w+|найкращ\\w+|вірн\\w+|доречн\\w+",
        option="варіант\\w*|відповідь|вибір",
        link="це|є|варіант\\w*|буква|літера|під літерою|правильна|буде|отже|остаточна",
        other="неправильн\\w+|невірн\\w+|помилков\\w+|хибн\\w+|друг\\w+|альтернативн\\w+|інш\\w+|найменш|наступн\\w+",
        negation="не",
        supposed="якщо|якби|коли|чи",
        reported="деякі|багато хто",
        turned=",? (?:лише |тільки )?якщо",
        group=r"(?:для|у|при) (?:вагітн\w+|діт\w+|жінок|літн\w+|новонародж\w+|дорослих|пацієнтів з)|під час вагітності",
        follows="тому|бо|оскільки|адже|а не|є|через",
        question="питання|запитання|задача|випадок",
    ),
    "el": Words(
        answer="απάντηση|απαντηση",
        choosing="επιλέγω",
        right="σωστή|σωστό|ορθή|καλύτερη|κατάλληλη|σωστη",
        option="απάντηση|επιλογή|εναλλακτική",
        link="είναι|το|η|το γράμμα|επιλογή|σωστή|τελική|λοιπόν|άρα|θα ήταν",
        other="λανθασμένη|λάθος|εσφαλμένη|δεύτερη|εναλλακτική|άλλη|λιγότερο|επόμενη",
        negation="δεν|όχι|μη",
        supposed="αν(?! και)|εάν|όταν",
        reported="ορισμένοι|πολλοί|μερικοί",
        turned=",? (?:μόνο )?(?:αν|εάν)",
        group=r"(?:για|σε|στις|στους|στα) (?:τις |τους |τα )?(?:εγκύους|έγκυες|γυναίκες|παιδιά|ηλικιωμένους|βρέφη|νεογνά|ενήλικες|ασθενείς με)|στην εγκυμοσύνη",
        follows="γιατί|διότι|επειδή|καθώς|και όχι|είναι|λόγω",
        question="ερώτηση|περίπτωση|άσκηση",
    ),
    "tr": Words(
        answer=r"cevab[ıi]m?|cevap|yanıt[ıi]?m?",
        choosing="seçiyorum",
        right=r"doğru\w*|en iyi|en uygun|uygun",
        option="seçenek|şık|cevap|yanıt|tercih|seçim",
        link="şık|şıkkı|seçenek|seçeneği|olarak|o halde|bu nedenle|nihai|harfi",
        other="yanlış|hatalı|ikinci|alternatif|diğer|başka|en az",
        negation="değil",
        supposed="eğer",
        reported="bazıları|birçoğu|çoğu",
        turned=r"(?:['’]?\w{0,4} )?(?:şıkkı |seçeneği )?(?:değil\w*|ise|olsaydı|olursa)|['’](?:s[ae]|yse|ysa)\b",
        group=r"gebe\w*|hamile\w*|çocuklarda|çocuklar için|yaşlılarda|bebeklerde|yenidoğan\w*|emziren\w*",
        follows=r"şıkkı\w*|seçeneği\w*|çünkü|dır|dir|olmalıdır|olarak|zira",
        question="soru|vaka|olgu",
    ),
    "vi": Words(
        answer="đáp án|câu trả lời",
        choosing="trả lời|tôi chọn|chọn",
        right="đúng nhất|đúng|tốt nhất|chính xác|phù hợp nhất",
        option="lựa chọn|phương án|đáp án|câu",
        link="là|sẽ|đúng|đúng nhất|chính xác|phương án|câu|chữ|cuối cùng|vậy|của|câu hỏi|này|đáp án|tôi|lựa chọn",
        other="sai|không đúng|thứ hai|thay thế|khác|kém|ít",
        negation="không|chẳng",
        supposed="nếu|giả sử|khi",
        reported="một số|nhiều người",
        turned=",? (?:chỉ )?(?:nếu|khi)",
        group=r"(?:đối với|cho|ở|với) (?:những )?(?:phụ nữ|thai phụ|trẻ em|trẻ|người già|người cao tuổi|người lớn|bệnh nhân (?!này)\w+)",
        follows="vì|bởi|do|chứ|là|đúng",
        question="câu hỏi|câu(?= \\d)|trường hợp|bài tập",
    ),
    "id ms": Words(
        answer="jawaban(?:nya|ku)?|jawapan(?:nya)?",
        choosing="saya memilih",
        right="benar|tepat|terbaik|betul|paling tepat|paling sesuai|sesuai",
        option="pilihan|opsi|jawaban|alternatif",
        link="adalah|ialah|yaitu|yakni|yang|paling|benar|tepat|betul|terbaik|opsi|pilihan|huruf|akhir|untuk|soal|ini|saya|jadi|maka",
        other="salah|keliru|kedua|alternatif|lain|lainnya|tidak tepat|kurang",
        negation="bukan|bukanlah|tidak",
        supposed="jika|kalau|apabila|bila|seandainya",
        reported="beberapa|banyak",
        turned=",? (?:hanya )?(?:jika|kalau|apabila|bila)",
        group=r"(?:untuk|bagi|pada) (?:para )?(?:ibu|wanita|perempuan|anak|bayi|lansia|dewasa|pasien (?!ini|tersebut)\w+)",
        follows="karena|sebab|dan bukan|bukan|adalah|yang|sehingga",
        question="pertanyaan|soal|kasus",
    ),
    "sw": Words(
        answer="jibu|majibu",
        choosing="nachagua",
        right="sahihi|bora|bora zaidi|kweli",
        option="chaguo|jibu",
        link="ni|sahihi|lililo|la|mwisho|chaguo|herufi|basi|langu",
        other="lisilo|si sahihi|mbaya|pili|mbadala|lingine|baya|potofu",
        negation="si|siyo|sio|haliwezi",
        supposed="ikiwa|kama|endapo|iwapo",
        reported="baadhi|wengi",
        turned=",? (?:tu )?(?:ikiwa|kama|endapo|iwapo)",
        group=r"(?:kwa|kwenye) (?:wajawazito|wanawake|watoto|wazee|mjamzito|watu|wagonjwa wenye)",
        follows="kwa|kwani|sababu|ni|na si",
        question="swali|kisa",
    ),
    "ha": Words(
        answer="amsar|amsa|amsata",
        choosing="na zaɓi|na zabi",
        right="daidai|mafi kyau|mafi kyawun|da ta dace",
        option="zaɓi|zabi|amsa|amsar",
        link="ita ce|shi ne|ce|ne|daidai|mai kyau|zaɓi|harafin|ta ƙarshe",
        other="kuskure|ba daidai|ta biyu|na biyu|wata|wani",
        negation="ba",
        supposed="idan|^in|da a ce",
        reported="wasu",
        turned=r",? (?:idan|in)|\s+ba(?:\s+ce|\s+ne)?",
        group=r"(?:ga|wa) (?:mata|masu|yara|tsofaffi|jarirai|marasa)",
        follows="saboda|domin|ce|ne|kuma|ba",
        question="tambaya|misali",
    ),
    "ar": Words(
        answer="إجابة|اجابة|الجواب|جوابي",
        choosing="أختار",
        right="الصحيحة?|صحيحة?|الأفضل|أفضل|الأنسب|المناسب|الصواب",
        option="الخيار|خيار|الاختيار|اختيار|البديل|الإجابة|الاجابة|إجابة|اجابة|الجواب",
        link="هي|هو|الصحيحة?|النهائية|النهائي|الخيار|الحرف|حرف|إذن|إذا|الأكثر|على|السؤال|هذا",
        other="الخاطئة?|خاطئة?|خطأ|غير|الثانية?|ثاني|بديلة?|البديلة|الأقل|أخرى|آخر",
        negation="ليست?|لا|لم|لن",
        supposed="إذا كان|إذا كانت|لو|إن كانت?|في حال",
        reported="البعض|قد يظن|هل",
        turned=r"\s*(?:فقط )?(?:إذا|لو|في حال)",
        group="للحوامل|للحامل|الحوامل|الحامل|للأطفال|الأطفال|للنساء|لدى النساء|كبار السن|الرضع|المرضعات|أثناء الحمل",
        follows="لأن|وليس|هو|بسبب|حيث|صحيح|لا",
        question="السؤال|سؤال|الحالة",
    ),
    "he": Words(
        answer="תשובה|תשובתי",
        choosing="אני בוחר|אני בוחרת",
        right="הנכונה|נכונה|הטובה ביותר|הטוב ביותר|המתאימה|הנכון|נכון",
        option="האפשרות|אפשרות|הבחירה|התשובה|תשובה",
        link="היא|הוא|הנכונה|הסופית|אות |סעיף|אפשרות|לכן|אם כן",
        other="השגויה|שגויה|הלא נכונה|לא נכונה|השנייה|חלופית|אחרת|הפחות|המוטעית",
        negation="לא|אינה|איננה|אינו",
        supposed="אם|במקרה ש(?!ל)|אילו",
        reported="יש הטוענים|רבים|האם",
        turned=r"\s*(?:רק )?אם",
        group="בהיריון|בהריון|הרות|לילדים|בילדים|לקשישים|בקשישים|לתינוקות|מניקות",
        follows="כי|מכיוון|משום|ולא|היא|מאחר",
        question="שאלה|מקרה",
    ),
    "fa ur": Words(
        answer="پاسخ|جواب",
        right="صحیح|درست|بهترین|بہترین|مناسب ترین|مناسب",
        option="گزینه|گزینهٔ|انتخاب|آپشن|اختیار|جواب|پاسخ",
        link="صحیح|درست|گزینه|گزینهٔ|نهایی|عبارت است از|همان|حرف|آپشن|یہ|ہے|حتمی|سوال|این|ما|من|میرا",
        other="نادرست|غلط|اشتباه|ناصحیح|دوم|دوسرا|جایگزین|دیگر|متبادل|کمترین",
        negation=r"نیست|نہیں|(?<!\w)نه(?!\w)",
        supposed="اگر|چنانچه|در صورتی",
        reported="برخی|بعضی|کچھ لوگ|آیا",
        turned=r"\s*(?:نیست|نہیں|نمی|بود،|ہو تو|ہوتا)",
        group="باردار|حاملگی|بارداری|کودکان|سالمندان|نوزادان|شیرده|حاملہ|بچوں|بوڑھوں|حمل",
        follows="است|می باشد|میباشد|زیرا|چون|ہے|ہیں|کیونکہ|ہوگا|و نه|نیست|نہیں|صحیح|درست",
        question="سؤال|سوال|پرسش|مورد",
    ),
    "hi": Words(
        answer="उत्तर|जवाब",
        right="सही|सबसे अच्छा|सर्वोत्तम|उचित|सर्वश्रेष्ठ",
        option="विकल्प|चुनाव|उत्तर|जवाब",
        link="विकल्प|सही|है|होगा|अंतिम|यह|अक्षर|इसलिए|का|प्रश्न",
        other="गलत|ग़लत|दूसरा|वैकल्पिक|अन्य|सबसे कम",
        negation="नहीं|न ",
        supposed="यदि|अगर",
        reported="कुछ लोग|क्या",
        turned=r"\s*(?:नहीं|होता|हो तो|है तो)",
        group="गर्भवती|गर्भावस्था|बच्चों|बुजुर्गों|शिशुओं|स्तनपान",
        follows="है|क्योंकि|होगा|हैं|सही|नहीं|और न",
        question="प्रश्न|सवाल|मामला",
    ),
    "bn": Words(
        answer="উত্তর|জবাব",
        right="সঠিক|সেরা|সবচেয়ে উপযুক্ত|সর্বোত্তম|উপযুক্ত",
        option="বিকল্প|অপশন|পছন্দ|উত্তর|জবাব",
        link="হলো|হল|হচ্ছে|হবে|সঠিক|বিকল্প|চূড়ান্ত|অপশন|এটি|টি",
        other="ভুল|দ্বিতীয়|বিকল্প উত্তর|অন্য|সবচেয়ে কম",
        negation="নয়|না ",
        supposed="যদি",
        reported="কেউ কেউ|অনেকে",
        turned=r"\s*(?:নয়|না|হলে|হয়,? (?:তাহলে|তবে)|হতো)",
        group="গর্ভবতী|গর্ভাবস্থা|শিশুদের|বয়স্কদের|স্তন্যদানকারী",
        follows="হলো|হল|হবে|কারণ|যেহেতু|সঠিক|নয়|এবং",
        question="প্রশ্ন|কেস",
    ),
    "th": Words(
        answer="คำตอบ",
        choosing="ตอบ|(?<!ตัว)(?<!ทาง)เลือก",
        right="ที่ถูกต้องที่สุด|ที่ถูกต้อง|ถูกต้อง|ที่ดีที่สุด|ที่เหมาะสมที่สุด|ที่ถูก",
        option="ตัวเลือก|ข้อ|คำตอบ",
        link="ที่ถูกต้องที่สุด|ที่ถูกต้อง|ที่ถูก|ที่ดีที่สุด|คือ|ข้อ|ตัวเลือก|เป็น|สุดท้าย|ของ|คำถามนี้|จึง|ว่า",
        other="ที่ผิด|ไม่ถูกต้อง|รองลงมา|อันดับสอง|อื่น|ทางเลือกอื่น",
        negation="ไม่",
        supposed="ถ้า|หาก",
        reported="บางคน|หลายคน",
        turned=r"\s*(?:ถ้า|หาก|ใช่หรือไม่|หรือไม่)",
        group="หญิงตั้งครรภ์|ผู้ป่วยเด็ก|สำหรับเด็ก|ผู้สูงอายุ|ทารก|ให้นมบุตร|ในเด็ก",
        follows=r"[\u0e00-\u0e7f]",
        question="คำถาม|โจทย์|ข้อที่|กรณี",
    ),
    "am": Words(
        answer="መልስ[ኡሱ]?|መልሱ|መልሴ",
        right="ትክክለኛው|ትክክለኛ|ትክክል|ምርጡ|ምርጥ",
        option="አማራጭ|ምርጫ|መልስ",
        link="የመጨረሻው|ትክክለኛው|አማራጭ|ምርጫ|ፊደል|ይህ|ስለዚህ|[፦፡]",
        other="የተሳሳተው|የተሳሳተ|ስህተት|ሁለተኛ|ሌላ|ሌላው|አማራጭ መልስ",
        negation="አይደለም",
        supposed="",
        reported="አንዳንዶች|ብዙዎች",
        turned=r"\s*(?:አይደለም|ከሆነ|ቢሆን|ነው\s*\?)",
        group="ነፍሰ ጡር|እርጉዝ|ለህፃናት|ለልጆች|ለአረጋውያን",
        follows="ነው|ምክንያቱም|ስለሆነ|ይሆናል|አይደለም",
        question="ጥያቄ",
    ),
    "zh": Words(
        answer="",
        choosing="答案|(?<![不可误])[选選](?:择|擇)?(?![项項])",
        right="正确|正確|最佳|最合适|最恰当|最适合|最好|最可能",
        option="选项|選項|选择|答案|诊断|治疗|处理|措施|药物",
        link="是|为|為|应该|应为|應該|应是|选择|选项|选|選|項|项|正确|正確|最终|本题|此题|的|就是|字母|因此",
        other="错误|錯誤|不正确|次优|次佳|备选|其次|第二|另一|不恰当|最不|其他",
        negation="不|非|没|可能",
        supposed="如果|假如|若|倘若|要是|假设",
        reported="有人|很多人|是否",
        turned=r"\s*(?:吗|的话|错|不)|，也可能",
        group="孕妇|妊娠|儿童|小儿|老年人|哺乳期|新生儿|婴儿",
        follows=r"[项項]|选项|選項|而不是|而非|因为|因為|正确|正確|是|。",
        question="问题|題目|题目|问|例题|病例",
    ),
    "ja": Words(
        answer="",
        choosing="答え|正解|正答|解答|回答",
        right="正しい|最も適切な|最適な|適切な",
        option="選択肢|もの|治療|診断|答え",
        link="は|が|選択肢|最終的?な?|、|よって|したがって|の",
        other="誤った|誤り|間違[っい]た?|不正解|次善|二番目|他の|別の|次に|不適切",
        negation="ない|不",
        supposed="もし|仮に",
        reported="一部の|多くの",
        turned=r"\s*(?:では(?:な|あ)|じゃな|でな|なら|であれば|の場合|でしょうか|ですか|かもしれ)",
        group="妊婦|妊娠中|小児|高齢者|授乳|新生児|乳児",
        follows=r"です|で[ある、。]|が|は|。|選択肢|と(?:なる|考え)|だ",
        question="問題|問|質問|設問|症例",
    ),
    "ko": Words(
        answer="",
        choosing="정답|답",
        right="옳은|올바른|가장 좋은|가장 적절한|적절한|맞는",
        option="선택지|보기|답|것|선택",
        link="은|는|이|가|최종|번|보기|선택지|따라서|바로|문제의",
        other="틀린|오답|잘못된|두 번째|차선|다른|대안",
        negation="아니|않",
        supposed="만약|만일",
        reported="일부|많은 사람",
        turned=r"\s*(?:번)?(?:[이가은는]?\s*아[니닙닌]|라면|이면|인 경우|일까|입니까|인가요|일 수)",
        group="임산부|임신|소아|노인|수유|신생아|영아",
        follows=r"입니다|이다|이며|임|번|선택지|이고|으?로|가 |이 |은 |는 |예요|이에요",
        question="문제|질문|문항|증례",
    ),
}
