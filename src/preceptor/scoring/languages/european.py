"""The words of announcements in other languages of Europe."""

from __future__ import annotations

from preceptor.scoring.languages.words import Words

__all__ = ["EUROPEAN"]

EUROPEAN = {
    "en": Words(
        answer=r"answers?(?!\s+(?:choices|options)\b|\s+(?:choice|option)\s+\(?\w\b)|ans\.?",
        right="correct|right|best|final|appropriate|likely|accurate|chosen|selected|my",
        option=(
            "options?|candidate|pick|choices?|alternative|letters?|diagnosis|statements?|selection"
            "|one|response|step|treatment|management|cause|mechanism|explanation|test|intervention"
        ),
        link=(
            "is|are|was|would|should|must|will|be|to|seems|the|therefore|thus|hence|likely|most"
            "|probably|clearly|definitely|it['’]s|it|by far|options?|choice|letter|number|answer"
            "|alternative|correct|right|best|appropriate|either|both|here|select|for|this|question"
            "|final|among|these|given|maybe|perhaps|so|i think|i believe|that|might|may"
        ),
        other=(
            r"\w+n['’]t (?:think|believe)|"
            "alternative|another|other|previous|earlier|initial|original|preliminary|tempting"
            "|common|distractor|second|third|2nd|runner-up|next(?:[- ](?:best|most))?|backup"
            "|fallback"
        ),
        wrong="wrong|incorrect|false|least|worst|not",
        negation=(
            r"not?|\w+n['’]t|cannot|never|neither|except|could (?:also )?be|rul\w+ out|exclu\w+"
            r"|eliminat\w+|reject\w+"
        ),
        supposed=(
            r"^(?!even)(?:\w+\s+)?if|(?:and|or|but|only|then|that) if|unless|whether|in case"
            r"|suppos\w+|assuming|otherwise|^had|^were|^should|^provided|only when"
        ),
        weighing=(
            r"consider\w*|account|look(?:ing)? at|(?:i|we|you|one) (?:had|have) to"
            r"|(?:must|forced to|pressed to|asked to) (?:choose|pick|select)|weigh\w*"
            r"|put\w* (?:it all |it |this |these )?together|combin\w*"
        ),
        reported=(
            r"(?:some|many|most|others?|students?|people|candidates?|colleagues?|clinicians?|examinees|one|you|they|he|she)\s+(?:\w+\s+){0,3}?(?:say|said|think|thought|argue|choose|chose|pick|select|believe|suspect|consider|claim|guess|answer|wr[io]te|mark|favou?r)(?:s|d|ed)?"
            r"|(?:students?|candidates?|examinees|many|some|others)\s+(?:\w+\s+){0,2}"
            "|(?:mistakes?|errors?|traps?|pitfalls?|temptations?|misconceptions?)"
            "|(?:question|task|prompt|exam|stem) asks"
            "|I (?:first |initially |originally )?(?:considered|thought|assumed|suspected)"
        ),
        group=(
            r"(?:for|in|among|with)\s+(?!this|that|these|the|our|her|his|a\b|an\b|question"
            r"|which)(?:(?!this|the)[\w-]+\s+){0,3}?(?:women|pregnancy|pregnant|children|infants?"
            "|neonates?|newborns?|adolescents?|adults|men|patients|people|asthma|allergy"
            "|breastfeeding|elderly|those|others|athletes|smokers|individuals|persons)|(?:for"
            r"|in)\s+(?:a|an)\s+(?:pregnant|child|infant|neonate|newborn|elderly|breastfeeding"
            "|different|older|younger)"
        ),
        question="question|problem|exercise|next question|new question|case|q|patient note",
        turned=r"[,]?\s*(?:only |but only )?(?:if|unless|provided|when|in case)",
        follows=(
            "is|are|was|because|since|as|due|given|based|which|with|for|seems|appears|would|and"
            "|or|but|so|per|in|from|to|option|only|correct|rather|instead|not|when|while|although"
            "|though|if|after|unlike|where|whereas|this|it|the|they|here|then|by"
        ),
    ),
    "de": Words(
        answer="antwort",
        choosing=(
            r"ich wähle|(?:somit|daher|also|damit) bleibt|lösung(?=\s*[:=]|\s+(?:ist|lautet))"
            "|richtig (?:ist|sind)|ich (?:würde mich|entscheide mich) für|ich tippe auf"
            "|am ehesten(?: kommt| passt| trifft)?|es handelt sich um"
        ),
        right=(
            "richtige?[rsn]?|korrekte?[rsn]?|beste?[rsn]?|zutreffende?[rsn]?|passende?[rsn]?"
            "|trifft zu|stimmt"
        ),
        option=(
            "option|antwort|antwortoption|antwortmöglichkeit|wahl|möglichkeit|aussagen?|alternative"
        ),
        link=(
            "ist|sind|wäre|lautet|die|der|das|also|somit|daher|richtige?|antwort|option"
            "|buchstabe|wohl"
        ),
        other="zweitbeste?[rsn]?|nächstbeste?[rsn]?|andere?[rsn]?|alternative",
        wrong=(
            "falsch(?:e[rsn]?)?|unzutreffende?[rsn]?|inkorrekte?[rsn]?|unwahrscheinlichste?"
            "|schlechteste?|am wenigsten"
        ),
        negation="nicht|nie|keine?",
        supposed="(?<!auch )(?<!selbst )wenn|falls|sofern|^sollte|ob",
        weighing=(
            r"berücksichtig\w*|betracht\w*|bedenk\w*|ansieht|zusammen\w*"
            r"|(?:wählen|entscheiden|festlegen) (?:muss|müsste|soll\w*)"
        ),
        reported="viele|fehler|irrtum|falle|manche|einige",
        group=(
            r"(?:bei|für) (?:den |der )?(?:schwangere\w*|kinder\w*|säugling\w*|ältere\w*|frauen"
            r"|patienten|patientinnen|erwachsene\w*|menschen|stillende\w*)|in der schwangerschaft"
        ),
        question="frage|fall|aufgabe",
        turned=",? (?:nur )?(?:wenn|falls|sofern)",
        follows="entscheiden|denn|weil|da|und nicht|ist|sind|wegen|aufgrund|als",
    ),
    "nl": Words(
        answer="antwoord",
        choosing="ik kies|ik ga voor|het gaat om",
        right="juiste?|correcte?|beste|goede?|goed|klopt",
        option="optie|antwoord|keuze|antwoordoptie|mogelijkheid|alternatief",
        link="is|zou|zijn|luidt|dus|voor|optie|antwoord|letter|het|de|juiste|correcte",
        other="alternatieve?|ander|andere|tweede|op één na|op een na",
        wrong="onjuiste?|foute?|verkeerde?|minst|slechtste",
        negation="niet|geen|nooit",
        supposed="^als|indien|^mocht",
        weighing=r"beschouw\w*|rekening|aanmerking|kijk\w*|bekijk\w*|kiezen",
        reported="sommigen|fout|valkuil|velen",
        group=(
            r"(?:bij|voor) (?:de )?(?:zwangere?\w*|kinderen|zuigelingen|ouderen|vrouwen"
            "|volwassenen|patiënten met)|tijdens de zwangerschap"
        ),
        question="vraag|casus|opgave",
        turned=",? (?:alleen )?(?:als|indien)",
        follows="omdat|want|aangezien|en niet|is|zijn|wegens|vanwege",
    ),
    "sv da no": Words(
        answer="svaret|svar",
        choosing=(
            "jeg velger|jeg vælger|jag väljer|det rör sig om|det dreier seg om|det drejer sig om"
        ),
        right=(
            "rätta?|riktiga?|riktige?|rigtige?|korrekta?|korrekte?|bästa?|beste?|bedste?|rett|rette"
        ),
        option=(
            "alternativet|alternativ|valet|valg|valget|mulighed|muligheden|mulighet"
            "|svarsalternativet|svarmulighed|svaralternativ"
        ),
        link=(
            "är|er|blir|bliver|skulle vara|vil være|alltså|altså|därför|derfor|alternativ"
            "|alternativet|svaralternativ(?:et)?|(?:svar)?mulighe[dt]|det|den|rätta?|rette|riktige?|rigtige?"
        ),
        other="näst bästa?|nest beste?|næstbedste?|andre?|annat|andet|alternativt",
        wrong="fel|felaktiga?|feil|forkerte?|gale?|gal|minst|mindst",
        negation="inte|ikke|ej|aldrig|aldri",
        supposed="^om|hvis|ifall",
        weighing=(
            "beaktar|hänsyn|hensyn|ser på|betragter|vurderer|överväger|måste välja|må velge"
            "|skal vælge"
        ),
        reported="många|mange|noen|nogle|vissa",
        group=(
            r"(?:för|hos|til|till|ved|vid|for|i) (?:de )?(?:gravid\w*|kvinnor|kvinder|kvinner"
            "|barn|børn|spädbarn|äldre|ældre|eldre|vuxna|voksne|patienter med|pasienter med)"
        ),
        question="frågan?|spørgsmål(?:et)?|spørsmål(?:et)?|fall|opgave|oppgave",
        turned=",? (?:bara |kun |bare )?(?:om|hvis)",
        follows="eftersom|för|fordi|da|därför|siden|og ikke|och inte|är|er",
    ),
    "fi": Words(
        answer="vastaus|vastaukseni",
        choosing="valitsen",
        right="oikea|paras|oikein|sopivin",
        option="vastaus|vaihtoehto|vastausvaihtoehto|valinta",
        link="on|olisi|siis|siten|vaihtoehdon?|kohdan?|kohta|kirjain|oikea",
        other="toiseksi|vaihtoehtoinen|toinen",
        wrong="väärä|virheellinen|epätodennäköisin",
        negation="ei|eikä",
        supposed="^jos|mikäli",
        weighing=r"huomioon|huomioi\w*|tarkastel\w*|valita",
        reported="jotkut|monet",
        group=(
            r"raskaana olev\w+|raskaude\w+|laps\w+lle|lapsilla|vauvoilla|iäkkäille|iäkkäillä"
            r"|imettäv\w+"
        ),
        question="kysymys|tapaus|tehtävä",
        turned=",? (?:vain )?jos",
        follows="koska|sillä|eikä|on",
    ),
    "hu": Words(
        answer="válasz|válaszom",
        right="helyes|legjobb|megfelelő|jó",
        option="válasz|választás|opció|lehetőség|válaszlehetőség",
        link="(?-i:az?)(?=\\s+[\\\"'(]?[A-Z]\\b)|tehát|így|ezért|opció|betű|végső|lenne",
        other="második|alternatív|másik|másodlagos",
        wrong="helytelen|hibás|rossz|téves|legkevésbé",
        negation="nem|sem",
        supposed="^ha|amennyiben",
        weighing="figyelembe|tekintjük|megnézzük|választanom",
        reported="sokan|egyesek",
        group=r"terhes\w*|várandós\w*|gyermek\w*|csecsemő\w*|idős\w*|szoptató\w*",
        question="kérdés|eset|feladat",
        turned=",? (?:csak )?(?:ha|akkor)",
        follows="mert|mivel|és nem|ugyanis|a helyes|válasz",
    ),
    "pl": Words(
        answer="odpowiedzią|odpowiedź|odpowiedz",
        choosing="wybieram",
        right=(
            "prawidłow[aye]|prawidłową|poprawn[aye]|poprawną|właściw[aye]|najlepsz[aye]|najlepszą"
            "|trafn[ae]|słuszn[ae]"
        ),
        option="odpowied[źz]|odpowiedzią|opcj[aąę]|wybór|wyborem|wariant|możliwość",
        link=(
            "to|jest|brzmi|więc|zatem|odpowiedź|opcj[aę]|litera|wariant|prawidłowa|poprawna|końcowa"
            "|ostateczna|będzie"
        ),
        other="drug[aą]|alternatywn[aey]|inn[aąe]|kolejną|kolejna",
        wrong="błędn[aey]|nieprawidłow[aey]|niepoprawn[aey]|niewłaściw[aey]|fałszyw[aey]|najmniej",
        negation="nie",
        supposed="(?<!nawet )jeśli|jeżeli|gdyby|czy",
        weighing=r"uwzględni\w*|weźmie\w*|rozważy\w*|wybrać|przyjrz\w*|spojrz\w*",
        reported="niektórzy|błędem|pułapk[aą]|wiel[eu]|wielu",
        group=(
            r"(?:u|dla|w) (?:kobiet|ciężarnych|dzieci|niemowląt|osób|pacjent\w+ z|pacjentek"
            "|dorosłych|ciąży)"
        ),
        question="pytanie|przypadek|zadanie",
        turned=",? (?:tylko )?(?:jeśli|jeżeli|gdyby|gdy)",
        follows="ponieważ|bo|gdyż|jest|są|a nie|z powodu",
    ),
    "cs sk": Words(
        answer="odpověď|odpověd|odpoveď",
        choosing="volím",
        right="správn[áéýěe]|nejlepší|najlepšia|vhodná",
        option="odpověď|možnost|volba|varianta|odpoveď|možnosť",
        link="je|zní|znie|tedy|proto|za|možnost|varianta|písmeno|správná|konečná|by byla",
        other="druhá|alternativní|jiná|další",
        wrong="nesprávn[áéya]|chybn[áéý]|špatn[áéý]|nejméně|najmenej",
        negation="není|ne|nie|nikoli",
        supposed="pokud|jestliže|kdyby|(?<!aj )ak|zda",
        weighing=r"zváž\w*|vezme\w*|zohledn\w*|podíváme|vybrat|vybrať",
        reported="někteří|mnozí",
        group=(
            r"(?:u|pro|pre|v) (?:těhotn\w+|tehotn\w+|dět\w+|det\w+|žen\w*|kojenc\w+|starších"
            r"|dospěl\w+|pacient\w+ s)"
        ),
        question="otázka|případ|úloha",
        turned=",? (?:pouze |jen )?(?:pokud|jestliže|kdyby|ak)",
        follows="protože|neboť|jelikož|je|a ne|kvůli",
    ),
    "ru bg sr": Words(
        answer="ответом|ответ|отговорът|отговор|одговор",
        choosing="выбираю",
        right=(
            r"правильн\w+|верн\w+|верен|лучш\w+|правилн\w+|точн\w+|тачан|најбољ\w+|най-добр\w+"
            r"|подходящ\w+"
        ),
        option=r"вариант\w*|ответ\w*|выбор\w*|отговор\w*|опция|одговор",
        link=(
            r"это|вариант\w*|буква|под буквой|правильный|верный|является|будет|итак|значит"
            "|(?-i:е)|је|итоговый"
        ),
        other=r"втор\w+|альтернативн\w+|друг\w+|следующ\w+",
        wrong=(
            r"неправильн\w+|неверн\w+|ошибочн\w+|ложн\w+|наименее|грешен|грешн\w+|погрешан"
            "|нетачан"
        ),
        negation="не|нельзя|није",
        supposed="(?<!даже )если|бы|ако|ли",
        weighing=(
            r"учесть|учитывать|учт[её]м|рассм\w+|принять во внимание|взглянуть|посмотр\w*"
            r"|выб[ие]р\w+|вземем|погледн\w+"
        ),
        reported="некоторые|ошибка|ошибкой|многие",
        group=(
            r"(?:для|у|при|за|код) (?:беременн\w+|дет\w+|женщин\w*|пожил\w+|новорожд\w+|кормящ\w+"
            r"|взросл\w+|пациентов с|бременн\w+|трудн\w+|деца|деце)|во время беременности"
        ),
        question="вопрос|задача|случай|въпрос|питање",
        turned=",? (?:только )?(?:если|ако)",
        follows="потому|так|поскольку|ведь|а не|является|являются|из-за|верен|верны|правильны|—|-",
    ),
    "uk": Words(
        answer="відповіддю|відповідь",
        choosing="обираю",
        right=r"правильн\w+|найкращ\w+|вірн\w+|доречн\w+",
        option=r"варіант\w*|відповідь|вибір",
        link=r"це|є|варіант\w*|буква|літера|під літерою|правильна|буде|отже|остаточна",
        other=r"друг\w+|альтернативн\w+|інш\w+|наступн\w+",
        wrong=r"неправильн\w+|невірн\w+|помилков\w+|хибн\w+|найменш",
        negation="не",
        supposed="(?<!навіть )якщо|якби|чи",
        weighing=r"врах\w+|розглян\w*|до уваги|подив\w+|обрати",
        reported="деякі|багато хто",
        group=(
            r"(?:для|у|при) (?:вагітн\w+|діт\w+|жінок|літн\w+|новонародж\w+|дорослих|пацієнтів з)"
            "|під час вагітності"
        ),
        question="питання|запитання|задача|випадок",
        turned=",? (?:лише |тільки )?якщо",
        follows="тому|бо|оскільки|адже|а не|є|через",
    ),
    "el": Words(
        answer="απάντηση|απαντηση",
        choosing="επιλέγω",
        right="σωστή|σωστό|ορθή|καλύτερη|κατάλληλη|σωστη",
        option="απάντηση|επιλογή|εναλλακτική",
        link="είναι|το|η|το γράμμα|επιλογή|σωστή|τελική|λοιπόν|άρα|θα ήταν",
        other="δεύτερη|εναλλακτική|άλλη|επόμενη",
        wrong="λανθασμένη|λάθος|εσφαλμένη|λιγότερο",
        negation="δεν|όχι|μη",
        supposed="(?<!ακόμη και )(?<!ακόμα και )αν(?! και)|εάν",
        weighing="λάβουμε υπόψη|εξετάσουμε|κοιτάξουμε|διαλέξω|επιλέξω",
        reported="ορισμένοι|πολλοί|μερικοί",
        group=(
            "(?:για|σε|στις|στους|στα) (?:τις |τους |τα )?(?:εγκύους|έγκυες|γυναίκες|παιδιά"
            "|ηλικιωμένους|βρέφη|νεογνά|ενήλικες|ασθενείς με)|στην εγκυμοσύνη"
        ),
        question="ερώτηση|περίπτωση|άσκηση",
        turned=",? (?:μόνο )?(?:αν|εάν)",
        follows="γιατί|διότι|επειδή|καθώς|και όχι|είναι|λόγω",
    ),
    "hr sl": Words(
        answer="odgovor",
        choosing="biram|izbiram",
        right=(
            "točan|točn[ai]|ispravan|ispravn[ai]|tačan|tačn[ai]|pravilni|pravilen|najbolji"
            "|najboljši"
        ),
        option="odgovor|opcija|izbor|možnost|mogućnost",
        link="je|bi bio|bi bil|pod|opcij[aueo]|odgovor|slovo|točan|konačni|dakle|torej|to",
        other="drugi|alternativni|sljedeći|drug",
        wrong="netočan|netočn[ai]|pogrešan|pogrešn[ai]|napačen|napačn[ai]|najmanje|najmanj",
        negation="nije|ni|ne",
        supposed="^ako|^če|ukoliko|kad bi",
        weighing=r"uzme\w*|upoštev\w*|razmotri\w*",
        reported="neki|mnogi|nekateri",
        group=r"(?:za|kod|pri) (?:trudni\w+|djec\w+|dec\w+|otro\w+|nosečni\w+|žen(?:e|ske))",
        question="pitanje|vprašanje|zadatak|slučaj",
        turned=",? (?:samo )?(?:ako|če)",
        follows="jer|zato|zbog|ker|je|a ne",
    ),
    "lt lv": Words(
        answer="atsakymas|atbilde",
        choosing="renkuosi|izvēlos",
        right="teisingas|geriausias|tinkamiausias|pareizā|pareizais|labākā|vispiemērotākā",
        option="atsakymas|variantas|pasirinkimas|atbilde|variants|izvēle",
        link="yra|būtų|ir|būtu|tai|variantas|variants|raidė|burts|galutinis|todėl|tātad",
        other="antras|kitas|alternatyvus|otrā|cita|alternatīvā",
        wrong="neteisingas|klaidingas|nepareizā|kļūdainā|mažiausiai|vismazāk",
        negation="nėra|ne|nav",
        supposed="jei|jeigu|^ja",
        weighing=r"atsižvelg\w*|įvertin\w*|ņem vērā|apsver\w*",
        reported="kai kurie|daži",
        group=r"nėščiosioms|vaikams|grūtniecēm|bērniem|senyviems",
        question="klausimas|jautājums|uždavinys|uzdevums",
        turned=",? (?:tik |tikai )?(?:jei|jeigu|ja)",
        follows="nes|kadangi|jo|tāpēc|yra|ir",
    ),
    "et": Words(
        answer="vastus",
        choosing="valin",
        right="õige|parim|sobivaim",
        option="vastus|vastusevariant|variant|valik",
        link="on|oleks|variant|täht|seega|lõplik",
        other="teine|alternatiivne|järgmine",
        wrong="vale|ebaõige",
        negation="ei|pole",
        supposed="^kui|juhul",
        weighing=r"arvesta\w*|vaatame|kaalu\w*",
        reported="mõned|paljud",
        group="rasedatel|lastel|eakatel|imikutel",
        question="küsimus|ülesanne",
        turned=",? (?:ainult )?kui",
        follows="sest|kuna|on|mitte",
    ),
}
