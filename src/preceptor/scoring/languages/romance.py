"""The words of announcements in Romance languages."""

from __future__ import annotations

from preceptor.scoring.languages.words import Words

__all__ = ["ROMANCE"]

ROMANCE = {
    "es": Words(
        answer="respuestas?",
        choosing=(
            "elijo|queda|marco|marcaría|escojo|selecciono|clave|se trata de|elegiría"
            "|me qued(?:o|aría) con|opt(?:o|aría) por"
        ),
        right=(
            "correct[ao]s?|m[áa]s (?:probable|adecuad[ao]|apropiad[ao])|apropiad[ao]|mejor"
            "|adecuad[ao]|acertad[ao]|indicad[ao]"
        ),
        option=(
            "opci[óo]n|opciones|afirmaci[óo]n|la|alternativa|elecci[óo]n|respuestas?"
            "|tratamiento|diagn[óo]stico"
        ),
        link=(
            "es|son|ser[íi]a|la|el|opci[óo]n|correcta?|letra|final|m[áa]s|por (?:lo )?tanto"
            "|entonces|de"
        ),
        other="siguiente mejor|segunda|otra|alternativa",
        wrong="incorrect[ao]s?|err[óo]ne[ao]|fals[ao]|menos|peor|equivocad[ao]",
        negation="no|nunca|tampoco",
        supposed="^si|en caso de que",
        weighing=r"consider\w*|en cuenta|analiz\w*|observ\w*|tuviera que|tengo que|vemos",
        reported="much[oa]s dir[íi]an|algun[oa]s|error|errores|trampa|much[oa]s",
        group=(
            r"(?:en|para) (?:las |los |el |la )?(?:mujeres|embaraz\w+|gestantes|niñ[oa]s"
            r"|ancian\w+|lactantes|pacientes (?!de este)\w+|adultos|personas|al[ée]rgic\w+)"
            "|durante el embarazo"
        ),
        question="pregunta|caso|ejercicio|problema",
        turned=",? (?:solo |s[óo]lo )?si",
        follows="son|porque|ya|pues|dado|debido|y no|es|por",
    ),
    "pt": Words(
        answer="respostas?",
        choosing=(
            "gabarito|resta|sobra|marco|assinalo|escolho|seleciono|trata-se d[aeo]|fico com"
            "|escolheria|marcaria"
        ),
        right="corr?ec?t[ao]s?|mais prov[áa]vel|melhor|adequad[ao]|cert[ao]|indicad[ao]|exat[ao]",
        option=(
            "op[cç][ãa]o|alternativas?|afirmativa|afirma[çc][ãa]o|assertiva|escolha|letra"
            "|resposta|tratamento|diagn[óo]stico"
        ),
        link=(
            r"(?-i:é a)(?=\s)|é|são|seria|op[cç][ãa]o|a letra|letra|a alternativa|a op[cç][ãa]o"
            "|alternativa|correta|certa|final|portanto|mais|de"
        ),
        other="segunda|outra|pr[óo]xima melhor",
        wrong="incorr?ec?t[ao]s?|errad[ao]|fals[ao]|menos|pior",
        negation="não|nunca|nem",
        supposed="^se|^caso(?! cl[íi]nico)",
        weighing=r"consider\w*|em conta|analis\w*|observ\w*|tivesse que|tenho que",
        reported="muitos diriam|alguns|erro|erros|armadilha|muitos",
        group=(
            "(?:em|para|nas|nos|na|no) (?:as |os )?(?:mulheres|gestantes?|gr[áa]vidas?|crianças"
            r"|idos[oa]s|lactentes|pacientes|adultos|pessoas|al[ée]rgic\w+|gravidez|gestação)"
        ),
        question="pergunta|quest[ãa]o|caso|exerc[íi]cio|problema",
        turned=",? (?:apenas |só )?(?:se|caso)",
        follows="porque|pois|já|dado|devido|uma vez|e não|é|são|estão|por",
    ),
    "fr": Words(
        answer="réponses?|reponses?",
        choosing=(
            "je choisis|je choisirais|je coche|il (?:ne )?reste|je s[ée]lectionne"
            "|j['’]opte(?:rais)? pour"
            "|il s['’]agit (?:donc )?d[eu]"
        ),
        right="correcte?s?|bonnes?|meilleure?|exacte?s?|justes?|adapt[ée]e?s?|vraies?",
        option=(
            "option|propositions?|affirmation|choix|alternative|réponses?|la"
            "|proposition exacte|traitement|diagnostic"
        ),
        link=(
            "est|sont|serait|qui|donc|la|le|l['’]|lettre|proposition|option|correcte|bonne|exacte"
            "|finale|plus|ainsi|par conséquent"
        ),
        other="deuxi[èe]me|seconde|autre|alternative",
        wrong="incorrecte?|fausse|mauvaise?|erron[ée]e?|moins|pire",
        negation="pas|ne|jamais|n['’]est",
        supposed="^si|^s['’]il|au cas où",
        weighing=r"consid[èe]r\w*|compte|regard\w*|analys\w*|devais|dois choisir|faut choisir",
        reported="certains|erreurs?|piège|beaucoup|d['’]aucuns",
        group=(
            "(?:chez|pour) (?:la |le |les |l['’]|une |un )?(?:femmes?|enfants?|nourrissons?"
            r"|personnes?|patients (?!de)\w+|adultes?|sujets?)|pendant la grossesse|en cas de"
        ),
        question="question|cas|exercice|problème",
        turned=",? (?:seulement )?(?:si|s['’]il)",
        follows="car|parce|puisque|et non|est|sont|en raison|:",
    ),
    "it": Words(
        answer="rispost[ae]",
        choosing="scelgo|resta|rimane|seleziono|sceglierei|opt(?:o|erei) per|si tratta d[ei]",
        right="corrett[aoie]|miglior[ei]?|giust[ao]|esatt[ao]|adeguat[ao]|appropriat[ao]",
        option="opzione|alternativa|scelta|rispost[ae]|affermazione|trattamento|diagnosi|quella|la",
        link="è|sono|sarebbe|la|l['’]|lettera|opzione|corretta|finale|quindi|pi[ùu]|dunque|pertanto|perciò",
        other="seconda|altra|alternativa",
        wrong="sbagliat[ao]|errat[ao]|scorrett[ao]|fals[ao]|meno|peggiore",
        negation="non|mai|né",
        supposed="^se|qualora|nel caso (?:in cui|che)",
        weighing=r"consider\w*|conto|analizz\w*|guard\w*|dovessi|osserv\w*",
        reported="alcuni|errore|errori|trappola|molti",
        group=(
            "(?:nelle?|nei|negli|per|in) (?:le |i |gli |la |il )?(?:donn[ae]|gravidanza"
            r"|gravid[ae]|bambin[io]|anzian[io]|neonat[io]|pazienti (?!di)\w+|adulti|persone"
            "|soggetti)"
        ),
        question="domanda|caso|esercizio|problema|quesito",
        turned=",? (?:solo )?se",
        follows="perché|poiché|in quanto|e non|è|sono|dato",
    ),
    "ro": Words(
        answer="răspunsul|răspuns|raspunsul|raspuns",
        choosing="aleg",
        right="corect[ăa]?|bun[ăa]?|potrivit[ăa]?|optim[ăa]?",
        option="opțiune[a]?|opțiunea|varianta|variantă|variant[ăa]|alegere[a]?",
        link="este|(?-i:e)|ar fi|deci|final|corect[ăa]?|varianta|opțiunea|litera|la întrebare",
        other="a doua|alternativ[ăa]?|alt|altă|următoarea",
        wrong="greșit[ăa]?|incorect[ăa]?|fals[ăa]?",
        negation="nu",
        supposed="(?<!chiar )dacă",
        weighing=r"considerare|consider\w*|cont|analiz\w*|aleg",
        reported="unii|mulți",
        group=(
            r"(?:la|pentru|în cazul) (?:femeile?|gravide\w*|copi\w+|vârstnic\w+|sugar\w+"
            r"|pacienții cu|adulți\w*)|în sarcină"
        ),
        question="întrebarea?|întrebare|caz|problema",
        turned=",? (?:doar )?dacă",
        follows="deoarece|pentru|fiindcă|întrucât|și nu|este|sunt",
    ),
    "ca": Words(
        answer="respost[ae]s?",
        choosing="trio|escullo",
        right="correct[ea]s?|millor|adequad[ae]|encertad[ae]",
        option="resposta|opció|alternativa|la",
        link="és|seria|la|el|opció|lletra|correcta|final|per tant|doncs",
        other="segona|altra|alternativa|següent millor",
        wrong="incorrect[ea]|errònia|fals[ae]|menys|pitjor",
        negation="no|mai|tampoc",
        supposed="^si",
        weighing=r"consider\w*|en compte|analitz\w*",
        reported="alguns|molts",
        group=r"(?:en|per a) (?:les |els )?(?:dones|embarassad\w+|nens|gent gran|adults)",
        question="pregunta|cas",
        turned=",? (?:només )?si",
        follows="perquè|ja que|atès|és|són|i no",
    ),
}
