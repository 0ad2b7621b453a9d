"""The words of announcements in Romance languages."""

from __future__ import annotations

from preceptor.scoring.languages.words import Words

__all__ = ["ROMANCE"]

ROMANCE = {
    "es": Words(
        answer="respuestas?",
        choosing="elijo|escojo|selecciono|clave",
        right="correct[ao]|mejor|adecuad[ao]|acertad[ao]|indicad[ao]",
        option="opci[óo]n|alternativa|elecci[óo]n|respuesta|tratamiento|diagn[óo]stico",
        link="es|ser[íi]a|la|el|opci[óo]n|correcta?|letra|final|m[áa]s|por (?:lo )?tanto|de",
        other=(
            "incorrect[ao]|err[óo]ne[ao]|fals[ao]|siguiente mejor|segunda|otra|alternativa|menos"
            "|peor|equivocad[ao]"
        ),
        negation="no|nunca|tampoco",
        supposed="^si|cuando|en caso de",
        reported="much[oa]s dir[íi]an|algun[oa]s|much[oa]s",
        group=(
            r"(?:en|para) (?:las |los |el |la )?(?:mujeres|embaraz\w+|gestantes|niñ[oa]s"
            r"|ancian\w+|lactantes|pacientes (?!de este)\w+|adultos|personas|al[ée]rgic\w+)"
            "|durante el embarazo"
        ),
        question="pregunta|caso|ejercicio|problema",
        turned=",? (?:solo |s[óo]lo )?si",
        follows="porque|ya|pues|dado|debido|y no|es|por",
    ),
    "pt": Words(
        answer="respostas?",
        choosing="gabarito|escolho|seleciono",
        right="corret[ao]|melhor|adequad[ao]|cert[ao]|indicad[ao]|exat[ao]",
        option="op[cç][ãa]o|alternativa|escolha|letra|resposta|tratamento|diagn[óo]stico",
        link=(
            r"(?-i:é a)(?=\s)|é|seria|op[cç][ãa]o|a letra|letra|a alternativa|a op[cç][ãa]o"
            "|alternativa|correta|certa|final|portanto|mais|de"
        ),
        other="incorret[ao]|errad[ao]|fals[ao]|segunda|outra|menos|pior|pr[óo]xima melhor",
        negation="não|nunca|nem",
        supposed="^se|caso|quando",
        reported="muitos diriam|alguns|muitos",
        group=(
            "(?:em|para|nas|nos|na|no) (?:as |os )?(?:mulheres|gestantes?|gr[áa]vidas?|crianças"
            r"|idos[oa]s|lactentes|pacientes|adultos|pessoas|al[ée]rgic\w+|gravidez|gestação)"
        ),
        question="pergunta|quest[ãa]o|caso|exerc[íi]cio|problema",
        turned=",? (?:apenas |só )?(?:se|caso)",
        follows="porque|pois|já|dado|devido|uma vez|e não|é|por",
    ),
    "fr": Words(
        answer="réponses?|reponses?",
        choosing="je choisis|je s[ée]lectionne",
        right="correcte?|bonne?|meilleure?|exacte?|juste|adapt[ée]e?",
        option="option|proposition|choix|alternative|réponse|traitement|diagnostic",
        link=(
            "est|serait|qui|donc|la|le|l['’]|lettre|proposition|option|correcte|bonne|exacte"
            "|finale|plus|ainsi"
        ),
        other=(
            "incorrecte?|fausse|mauvaise?|erron[ée]e?|deuxi[èe]me|seconde|autre|alternative|moins"
            "|pire"
        ),
        negation="pas|ne|jamais|n['’]est",
        supposed="^si|^s['’]il|au cas|lorsque",
        reported="certains|beaucoup|d['’]aucuns",
        group=(
            "(?:chez|pour) (?:la |le |les |l['’]|une |un )?(?:femmes?|enfants?|nourrissons?"
            r"|personnes?|patients (?!de)\w+|adultes?|sujets?)|pendant la grossesse|en cas de"
        ),
        question="question|cas|exercice|problème",
        turned=",? (?:seulement )?(?:si|s['’]il)",
        follows="car|parce|puisque|et non|est|en raison|:",
    ),
    "it": Words(
        answer="rispost[ae]",
        choosing="scelgo|seleziono",
        right="corrett[ao]|miglior[ei]?|giust[ao]|esatt[ao]|adeguat[ao]|appropriat[ao]",
        option="opzione|alternativa|scelta|risposta|trattamento|diagnosi",
        link="è|sarebbe|la|l['’]|lettera|opzione|corretta|finale|quindi|pi[ùu]|dunque",
        other=(
            "sbagliat[ao]|errat[ao]|scorrett[ao]|fals[ao]|seconda|altra|alternativa|meno|peggiore"
        ),
        negation="non|mai|né",
        supposed="^se|qualora|nel caso",
        reported="alcuni|molti",
        group=(
            "(?:nelle?|nei|negli|per|in) (?:le |i |gli |la |il )?(?:donn[ae]|gravidanza"
            r"|gravid[ae]|bambin[io]|anzian[io]|neonat[io]|pazienti (?!di)\w+|adulti|persone"
            "|soggetti)"
        ),
        question="domanda|caso|esercizio|problema|quesito",
        turned=",? (?:solo )?se",
        follows="perché|poiché|in quanto|e non|è|dato",
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
        group=(
            r"(?:la|pentru|în cazul) (?:femeile?|gravide\w*|copi\w+|vârstnic\w+|sugar\w+"
            r"|pacienții cu|adulți\w*)|în sarcină"
        ),
        question="întrebarea?|întrebare|caz|problema",
        turned=",? (?:doar )?dacă",
        follows="deoarece|pentru|fiindcă|întrucât|și nu|este",
    ),
}
