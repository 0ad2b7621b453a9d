"""Columns of a clinician's own tables, found by their names in several languages."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from preceptor.errors import InputError
from preceptor.sheets import Sheet, letters

__all__ = ["ABOUT", "PARTS", "ROLES", "Columns", "find_columns", "meaning"]

#: Words for the parts of a workbook; also names of sheets and of ``.csv`` files.
PARTS: Mapping[str, Sequence[str]] = {
    "tasks": (
        *("tasks", "task", "questions", "question", "cases", "aufgaben", "aufgabe", "fragen"),
        *("fälle", "tâches", "questions", "cas", "tareas", "preguntas", "casos", "tarefas"),
        *("perguntas", "課題", "質問", "問題", "設問", "症例"),
    ),
    "rubric": (
        *("rubric", "rubrics", "criteria", "criterion", "grading", "kriterien", "bewertung"),
        *("bewertungskriterien", "bewertungsraster", "erwartungshorizont", "rubrik", "critères"),
        *("grille", "grille de notation", "barème", "criterios", "rúbrica", "critérios"),
        *("採点基準", "評価基準", "基準", "ルーブリック", "採点"),
    ),
    "answers": (
        *("answers", "answer", "responses", "outputs", "replies", "antworten", "antwort"),
        *("réponses", "respuestas", "respostas", "回答", "解答", "応答"),
    ),
    "about": (
        *("about", "info", "information", "metadata", "readme", "über", "angaben"),
        *("à propos", "acerca de", "sobre", "información", "informações", "概要", "情報", "説明"),
    ),
}
#: Between the names that go first and those that count where none of them is there.
_ELSE = "|"
_IDS = (
    *("id", "task id", "question id", "case id", "aufgaben id", "aufgabennummer", "aufgaben nr"),
    *("fragen id", "fragennummer", "fragen nr", "fall id", "fallnummer", "identifiant"),
    *("id de la tâche", "id question", "no de question", "identificador", "id tarea"),
    *("id de la tarea", "id pregunta", "id tarefa", "id da tarefa", "id pergunta", "課題番号"),
    *("問題番号", "課題id", "問題id", "質問番号", "症例番号", _ELSE),
    *("no", "nr", "number", "nummer", "key", "lfd nr", "laufende nummer", "kennung", "numéro"),
    *("n°", "nº", "número", "núm", "番号"),
)
_TASKS = (
    *("task", "task id", "question id", "case id", "question", "case", "aufgabe", "aufgaben id"),
    *("aufgabennummer", "frage", "fall", "tâche", "id de la tâche", "cas", "tarea", "caso"),
    *("id de la tarea", "pregunta", "tarefa", "id da tarefa", "pergunta", "課題", "課題番号"),
    *("課題id", "問題", "問題番号", "質問", "症例"),
)
_CRITERIA = (
    *("criterion", "criteria", "rubric", "rubric item", "expectation", "requirement"),
    *("kriterium", "kriterien", "bewertungskriterium", "erwartung", "anforderung", "critère"),
    *("critères", "critère d'évaluation", "criterio", "criterios", "criterio de evaluación"),
    *("critério", "critérios", "critério de avaliação", "評価基準", "採点基準", "基準", "評価項目"),
    *("採点項目",),
)
_POINTS = (
    *("points", "point", "score", "weight", "pts", "punkte", "punktzahl", "punkt", "gewicht"),
    *("gewichtung", "barème", "pondération", "poids", "puntos", "puntuación", "puntaje", "peso"),
    *("pontos", "pontuação", "点数", "配点", "得点", "点", "ポイント"),
)
_TAGS = (
    *("tag", "tags", "axis", "category", "type", "theme", "kategorie", "thema", "schlagwort"),
    *("merkmal", "catégorie", "thème", "étiquette", "categoría", "tema", "etiqueta", "categoria"),
    *("タグ", "分類", "カテゴリ", "カテゴリー", "種別"),
)
#: Part → field → its names, of which the first is the template's.
ROLES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "tasks": {
        "id": (*_IDS, _ELSE, "task", "aufgabe", "tâche", "tarea", "tarefa", "課題"),
        "question": (
            *("question", "prompt", "question text", "frage", "fragetext", "fragestellung"),
            *("aufgabenstellung", "texte de la question", "pregunta", "pergunta", "質問"),
            *("質問文", "問題文", "設問", _ELSE),
            *("message", "turn", "text", "vignette", "case", "anfrage", "nachricht", "fall"),
            *("fallvignette", "texte", "énoncé", "cas clinique", "enunciado", "texto"),
            *("mensaje", "caso clínico", "mensagem", "問題", "症例"),
        ),
        "role": (
            *("role", "speaker", "who", "rolle", "sprecher", "wer", "rôle", "locuteur", "qui"),
            *("rol", "hablante", "quién", "papel", "falante", "função", "quem", "話者", "役割"),
            *("発話者",),
        ),
        "specialty": (
            *("specialty", "speciality", "department", "field", "discipline", "fachgebiet"),
            *("fachrichtung", "fach", "fachbereich", "abteilung", "spécialité", "service"),
            *("domaine", "especialidad", "servicio", "especialidade", "área", "専門", "診療科"),
            *("専門分野", "科"),
        ),
        "difficulty": (
            *("difficulty", "level", "schwierigkeit", "schwierigkeitsgrad", "niveau"),
            *("difficulté", "dificultad", "nivel", "dificuldade", "nível", "難易度", "難度"),
        ),
        "ideal answer": (
            *("ideal answer", "ideal", "reference answer", "model answer", "expected answer"),
            *("gold answer", "sample answer", "ideal response", "musterantwort", "musterlösung"),
            *("ideale antwort", "referenzantwort", "réponse idéale", "réponse attendue"),
            *("réponse modèle", "respuesta ideal", "respuesta modelo", "resposta ideal"),
            *("resposta modelo", "模範解答", "模範回答", "理想的な回答", "理想回答", _ELSE),
            *("answer", "antwort", "réponse", "respuesta", "resposta", "回答", "解答"),
        ),
        "criterion": _CRITERIA,
        "points": _POINTS,
        "tag": _TAGS,
    },
    "rubric": {
        "task id": (*_TASKS, _ELSE, *_IDS),
        "criterion": (*_CRITERIA, _ELSE, "text", "description", "beschreibung", "texto"),
        "points": _POINTS,
        "tag": _TAGS,
    },
    "answers": {
        "task id": (*_TASKS, _ELSE, *_IDS),
        "system": (
            *("system", "model", "assistant", "modell", "assistent", "système", "modèle"),
            *("sistema", "modelo", "asistente", "assistente", "システム", "モデル", _ELSE),
            *("name", "tool", "product", "source", "produkt", "quelle", "outil", "produit"),
            *("herramienta", "producto", "ferramenta", "produto", "名称", "製品"),
        ),
        "answer": (
            *("answer", "response", "output", "reply", "completion", "antwort", "ausgabe"),
            *("réponse", "sortie", "respuesta", "salida", "resposta", "saída"),
            *("回答", "解答", "応答", "出力", _ELSE, "text", "texte", "texto"),
        ),
    },
}
#: What the sheet *about* may say.
ABOUT: Mapping[str, Sequence[str]] = {
    "name": (
        *("name", "title", "benchmark", "titel", "bezeichnung", "nom", "titre", "nombre"),
        *("título", "nome", "名前", "名称", "題名", "タイトル"),
    ),
    "version": ("version", "edition", "release", "stand", "versión", "versão", "版", "バージョン"),
    "authors": (
        *("authors", "author", "contact", "autoren", "autor", "autorin", "autor innen"),
        *("verfasser", "auteurs", "auteur", "autores", "autoría", "作成者", "著者"),
    ),
    "licence": (
        *("licence", "license", "rights", "lizenz", "rechte", "licencia", "licença", "ライセンス"),
        *("利用許諾",),
    ),
    "purpose": (
        *("purpose", "aim", "goal", "summary", "description", "zweck", "ziel", "beschreibung"),
        *("but", "objectif", "finalité", "propósito", "objetivo", "finalidad", "finalidade"),
        *("目的", "説明"),
    ),
    "language": (
        *("language", "languages", "sprache", "sprachen", "langue", "langues", "idioma"),
        *("idiomas", "lengua", "língua", "言語"),
    ),
}
_NEEDED = {
    "tasks": ("id", "question"),
    "rubric": ("task id", "criterion", "points"),
    "answers": ("task id",),
}
#: (name, words) → rank, the lowest first; None where they do not fit.
_Fits = Callable[[str, Sequence[str]], int | None]
#: Rows in which the names of the columns are looked for.
_TOP = 20


class Columns(msgspec.Struct, frozen=True):
    """The columns of one part.

    Attributes
    ----------
    part
        ``tasks``, ``rubric`` or ``answers``.
    header
        Row of the names.
    at
        Field → column, from 1.
    names
        Column → its name, of every column that has one.
    """

    part: str
    header: int
    at: dict[str, int]
    names: dict[int, str]

    @property
    def systems(self) -> dict[int, str]:
        """Column → the system whose answers it holds, where each has a column of its own."""
        if self.part != "answers" or {"system", "answer"} & self.at.keys():
            return {}
        taken = self.at.values()
        return {column: name for column, name in self.names.items() if column not in taken}

    def in_words(self, sheet: Sheet) -> str:
        """What is read from which column, and which are not read."""
        systems = self.systems
        read = [
            f"{field} = {letters(column)}"
            + ("" if field == _plain(self.names[column]) else f" “{self.names[column]}”")
            for field, column in self.at.items()
        ]
        read += [f"answers of {name} = {letters(column)}" for column, name in systems.items()]
        filled = {each for row, cells in sheet.rows.items() if row > self.header for each in cells}
        left = [
            f"{letters(column)} "
            + (f"“{self.names[column]}”" if column in self.names else "(no name)")
            for column in sorted({*self.names, *filled} - {*self.at.values(), *systems})
        ]
        return "; ".join([", ".join(read), *([f"not read: {', '.join(left)}"] if left else [])])


def meaning(name: str, known: Iterable[str] | Mapping[str, Sequence[str]]) -> str | None:
    """The part or field that a name says, by its whole text; None where it is none of them."""
    words = known if isinstance(known, Mapping) else {each: (each,) for each in known}
    plain = _plain(name)
    return next((each for each, said in words.items() if plain in map(_plain, said)), None)


def find_columns(sheet: Sheet, part: str) -> Columns | None:
    """The columns of one part in a sheet; None where it has not all that the part needs.

    Raises
    ------
    InputError
        Two columns may be the same field.
    """
    roles = ROLES[part].values()
    for number, row in enumerate(sorted(sheet.rows)[:_TOP]):
        names = {
            column: " ".join(str(cell.value).split())
            for column, cell in sheet.rows[row].items()
            if isinstance(cell.value, str) and len(cell.value) < 200
        }
        said = {column: _plain(name) for column, name in names.items()}
        # Texts of tasks hold such words too, but none of them is one.
        if number and not any(_is(said[at], words) is not None for at in said for words in roles):
            continue
        found = Columns(part, row, _matched(sheet, row, names, ROLES[part]), names)
        if set(_NEEDED[part]) <= found.at.keys():
            return found
    return None


def _matched(
    sheet: Sheet, row: int, names: Mapping[int, str], roles: Mapping[str, Sequence[str]]
) -> dict[str, int]:
    found: dict[str, int] = {}
    for fits in (_is, _holds, _near):
        free = {column: name for column, name in names.items() if column not in found.values()}
        said = {
            column: _best(_plain(name), roles, found, fits)
            for column, name in free.items()
            if _plain(name)
        }
        for field in roles:
            here = sorted((rank, column) for column, (rank, of) in said.items() if of == field)
            if not here:
                continue
            if len(here) > 1 and here[0][0] == here[1][0]:
                first, second = (f"{letters(at)}{row}" for _, at in here[:2])
                quoted = " and ".join(f"“{names[at]}”" for _, at in here[:2])
                raise InputError(
                    f"{sheet.place}, cells {first} and {second}: both may be the {field}: "
                    f"{quoted}: rename one of them"
                )
            found[field] = here[0][1]
    return {field: found[field] for field in roles if field in found}


def _best(
    name: str, roles: Mapping[str, Sequence[str]], taken: Mapping[str, int], fits: _Fits
) -> tuple[int, str]:
    """(rank, field) of the field that a column's name says; the lowest rank goes first."""
    ranked = [
        (fit, field)
        for field, words in roles.items()
        if field not in taken and (fit := fits(name, words)) is not None
    ]
    return min(ranked, default=(0, ""))


def _is(name: str, words: Sequence[str]) -> int | None:
    plain = [_plain(word) for word in words]
    return words[: plain.index(name)].count(_ELSE) if name and name in plain else None


def _holds(name: str, words: Sequence[str]) -> int | None:
    """Whether one of the words is in the name; the longest word counts first."""
    inside = [
        len(word)
        for word in map(_plain, words)
        if f" {word} " in f" {name} " or (len(word) > 1 and not word.isascii() and word in name)
    ]
    return -max(inside) if inside else None


def _near(name: str, words: Sequence[str]) -> int | None:
    """Whether it is one of the words with a slip of the keyboard."""
    if len(name) < 5:
        return None
    near = difflib.get_close_matches(name, [_plain(word) for word in words], 1, 0.84)
    return 0 if near else None


def _plain(name: str) -> str:
    """Without case, accents, punctuation, and what stands in brackets."""
    text = unicodedata.normalize("NFKC", name).casefold()
    text = re.sub(r"\([^)]*\)|\[[^]]*\]", " ", text) if not re.match(r"\s*[(\[]", text) else text
    text = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not "̀" <= sign <= "ͯ")
    return " ".join(re.sub(r"[\W_]+", " ", text).split())
