"""The words of announcements in languages of Africa."""

from __future__ import annotations

from preceptor.scoring.languages.words import Words

__all__ = ["AFRICAN"]

AFRICAN = {
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
        group="(?:kwa|kwenye) (?:wajawazito|wanawake|watoto|wazee|mjamzito|watu|wagonjwa wenye)",
        question="swali|kisa",
        turned=",? (?:tu )?(?:ikiwa|kama|endapo|iwapo)",
        follows="kwa|kwani|sababu|ni|na si",
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
        group="(?:ga|wa) (?:mata|masu|yara|tsofaffi|jarirai|marasa)",
        question="tambaya|misali",
        turned=r",? (?:idan|in)|\s+ba(?:\s+ce|\s+ne)?",
        follows="saboda|domin|ce|ne|kuma|ba",
    ),
    "am": Words(
        answer="መልስ[ኡሱ]?|መልሱ|መልሴ",
        right="ትክክለኛው|ትክክለኛ|ትክክል|ምርጡ|ምርጥ",
        option="አማራጭ|ምርጫ|መልስ",
        link="የመጨረሻው|ትክክለኛው|አማራጭ|ምርጫ|ፊደል|ይህ|ስለዚህ|[፦፡]",
        other="የተሳሳተው|የተሳሳተ|ስህተት|ሁለተኛ|ሌላ|ሌላው|አማራጭ መልስ",
        negation="አይደለም",
        reported="አንዳንዶች|ብዙዎች",
        group="ነፍሰ ጡር|እርጉዝ|ለህፃናት|ለልጆች|ለአረጋውያን",
        question="ጥያቄ",
        turned=r"\s*(?:አይደለም|ከሆነ|ቢሆን|ነው\s*\?)",
        follows="ነው|ምክንያቱም|ስለሆነ|ይሆናል|አይደለም",
    ),
}
