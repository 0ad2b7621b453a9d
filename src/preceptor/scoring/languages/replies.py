"""Yes, no and maybe, where they are the answer itself."""

from __future__ import annotations

__all__ = ["REPLIES", "REPLY"]

#: What is replied in English → the same in other languages.
REPLIES = {
    "yes": (
        "yes|yeah|yep|sí|si|oui|ja|jah|jā|sim|sì|da|да|так|tak|ano|áno|igen|ναι|kyllä|joo|taip|evet"
        "|bəli|hə|có|ya|oo|opo|نعم|أجل|כן|بله|بلی|آری|ہاں|جی ہاں|हाँ|हां|जी हाँ|होय|হ্যাঁ|ஆம்|అవును|ಹೌದು"
        "|അതെ|હા|ਹਾਂ|ใช่|是|是的|对|はい|네|예|ndiyo|ndio|bẹ́ẹ̀ ni|haa|አዎ|አዎን"
    ),
    "no": (
        "no|nope|non|nein|nee|nej|nei|não|нет|ні|не|nie|ne|nem|nu|όχι|ei|hayır|xeyr|không|tidak"
        "|hindi|لا|كلا|לא|نه|خیر|نہیں|जी नहीं|नहीं|नाही|না|இல்லை|కాదు|లేదు|ಇಲ್ಲ|ಅಲ್ಲ|അല്ല|ഇല്ല|ના"
        "|ਨਹੀਂ|ไม่ใช่|ไม่|否|不|不是|いいえ|아니요|아니오|hapana|a'a|bẹ́ẹ̀ kọ́|mba|maya|አይ|አይደለም"
    ),
    "maybe": (
        "maybe|perhaps|uncertain|quizás|tal vez|peut-être|vielleicht|talvez|forse|misschien|kanske"
        "|måske|kanskje|ehkä|talán|może|możná|možno|poate|возможно|может быть|можливо|ίσως|belki"
        "|có thể|có lẽ|mungkin|siguro|ربما|אולי|شاید|शायद|হয়তো|อาจจะ|也许|可能|多分|아마도|labda"
        "|watakila|ምናልባት"
    ),
}
#: The other way round, without case.
REPLY = {word: reply for reply, words in REPLIES.items() for word in words.split("|")}
