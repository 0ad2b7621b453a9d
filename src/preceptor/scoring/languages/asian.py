"""The words of announcements in languages of Asia."""

from __future__ import annotations

from preceptor.scoring.languages.words import Words

__all__ = ["ASIAN"]

ASIAN = {
    "tr": Words(
        answer="cevab[ıi]m?|cevab(?:ı|im)?|cavab[ıi]?|cevap|yanıt[ıi]?m?",
        choosing="seçiyorum",
        right=(
            r"doğru\w*|düzgün|en iyi|ən (?:uyğun|doğru|yaxşı)|en olası|en muhtemel|en uygun"
            "|uygun"
        ),
        option="seçenek|variant|cavab|şık|cevap|yanıt|tercih|seçim",
        link="şık|şıkkı|seçenek|seçeneği|olarak|o halde|bu nedenle|nihai|harfi",
        other="ikinci|alternatif|diğer|başka",
        wrong="yanlış|hatalı|en az",
        negation="değil|deyil",
        supposed="eğer",
        weighing=r"değerlendir\w*|göz önün\w*|dikkat\w*|düşün\w*|seçmem",
        reported="bazıları|birçoğu|çoğu",
        group=(
            r"gebe\w*|hamile\w*|çocuklarda|çocuklar için|yaşlılarda|bebeklerde|yenidoğan\w*"
            r"|emziren\w*"
        ),
        question="soru|vaka|olgu",
        turned=(
            r"(?:['’]?\w{0,4} )?(?:şıkkı |seçeneği )?(?:değil\w*|ise|olsaydı|olursa)|['’](?:s[ae]"
            r"|yse|ysa)\b"
        ),
        follows=r"şıkkı\w*|seçeneği\w*|çünkü|dır|dir|olmalıdır|olarak|zira",
    ),
    "vi": Words(
        answer="đáp án|câu trả lời",
        choosing="trả lời|tôi chọn|chọn",
        right="đúng nhất|đúng|tốt nhất|chính xác|phù hợp nhất",
        option="lựa chọn|phương án|đáp án|câu",
        link=(
            "là|sẽ|đúng|đúng nhất|chính xác|phương án|câu|chữ|cuối cùng|vậy|của|câu hỏi|này"
            "|đáp án|tôi|lựa chọn"
        ),
        other="thứ hai|thay thế|khác",
        wrong="sai|không đúng|kém|ít",
        negation="không|chẳng",
        supposed="nếu|giả sử",
        weighing="xem xét|cân nhắc|dựa|xét|phải chọn",
        reported="một số|nhiều người",
        group=(
            "(?:đối với|cho|ở|với) (?:những )?(?:phụ nữ|thai phụ|trẻ em|trẻ|người già"
            r"|người cao tuổi|người lớn|bệnh nhân (?!này)\w+)"
        ),
        question=r"câu hỏi|câu(?= \d)|trường hợp|bài tập",
        turned=",? (?:chỉ )?(?:nếu|khi)",
        follows="vì|bởi|do|chứ|là|đúng",
    ),
    "id ms": Words(
        answer="jawaban(?:nya|ku)?|jawapan(?:nya)?",
        choosing="saya memilih",
        right="benar|tepat|terbaik|betul|paling tepat|paling sesuai|sesuai",
        option="pilihan|opsi|jawaban|alternatif",
        link=(
            "adalah|ialah|yaitu|yakni|yang|paling|benar|tepat|betul|terbaik|opsi|pilihan|huruf"
            "|akhir|untuk|soal|ini|saya|jadi|maka"
        ),
        other="kedua|alternatif|lain|lainnya",
        wrong="salah|keliru|tidak tepat|kurang",
        negation="bukan|bukanlah|tidak",
        supposed="jika|kalau|apabila|bila|seandainya",
        weighing=r"\w*pertimbangkan|dilihat|melihat|memilih",
        reported="beberapa|banyak",
        group=(
            "(?:untuk|bagi|pada) (?:para )?(?:ibu|wanita|perempuan|anak|bayi|lansia|dewasa"
            r"|pasien (?!ini|tersebut)\w+)"
        ),
        question="pertanyaan|soal|kasus",
        turned=",? (?:hanya )?(?:jika|kalau|apabila|bila)",
        follows="karena|sebab|dan bukan|bukan|adalah|yang|sehingga",
    ),
    "ar": Words(
        answer="إجابة|اجابة|إجابات|اجابات|الجواب|جوابي",
        choosing="أختار",
        right="الصحيحة?|صحيحة?|الأفضل|أفضل|الأنسب|المناسب|الصواب",
        option="الخيار|خيار|الاختيار|اختيار|البديل|الإجابة|الاجابة|إجابة|اجابة|الجواب",
        link="هي|هو|الصحيحة?|النهائية|النهائي|الخيار|الحرف|حرف|إذن|إذا|الأكثر|على|السؤال|هذا",
        other="الثانية?|ثاني|بديلة?|البديلة|أخرى|آخر",
        wrong="الخاطئة?|خاطئة?|خطأ|غير|الأقل",
        negation="ليست?|لا|لم|لن",
        supposed="إذا كان|إذا كانت|لو|إن كانت?|في حال",
        weighing="أخذنا|نظرنا|اعتبرنا|راعينا|الاختيار",
        reported="البعض|قد يظن|هل",
        group=(
            "للحوامل|للحامل|الحوامل|الحامل|للأطفال|الأطفال|للنساء|لدى النساء|كبار السن|الرضع"
            "|المرضعات|أثناء الحمل"
        ),
        question="السؤال|سؤال|الحالة",
        turned=r"\s*(?:فقط )?(?:إذا|لو|في حال)",
        follows="لأن|وليس|هو|بسبب|حيث|صحيح|لا",
    ),
    "he": Words(
        answer="תשובה|תשובתי",
        choosing="אני בוחר|אני בוחרת",
        right="הנכונה|נכונה|הטובה ביותר|הטוב ביותר|המתאימה|הנכון|נכון",
        option="האפשרות|אפשרות|הבחירה|התשובה|תשובה",
        link="היא|הוא|הנכונה|הסופית|אות |סעיף|אפשרות|לכן|אם כן",
        other="השנייה|חלופית|אחרת",
        wrong="השגויה|שגויה|הלא נכונה|לא נכונה|הפחות|המוטעית",
        negation="לא|אינה|איננה|אינו",
        supposed="אם|במקרה ש(?!ל)|אילו",
        weighing="לוקחים|שוקלים|מסתכלים|נתחשב|לבחור",
        reported="יש הטוענים|רבים|האם",
        group="בהיריון|בהריון|הרות|לילדים|בילדים|לקשישים|בקשישים|לתינוקות|מניקות",
        question="שאלה|מקרה",
        turned=r"\s*(?:רק )?אם",
        follows="כי|מכיוון|משום|ולא|היא|מאחר",
    ),
    "fa ur": Words(
        answer="پاسخ|جواب",
        right="صحیح|درست|بهترین|بہترین|مناسب ترین|مناسب",
        option="گزینه|گزینهٔ|انتخاب|آپشن|اختیار|جواب|پاسخ",
        link=(
            "صحیح|درست|گزینه|گزینهٔ|نهایی|عبارت است از|همان|حرف|آپشن|یہ|ہے|حتمی|سوال|این|ما|من|میرا"
        ),
        other="دوم|دوسرا|جایگزین|دیگر|متبادل",
        wrong="نادرست|غلط|اشتباه|ناصحیح|کمترین",
        negation=r"نیست|نہیں|(?<!\w)نه(?!\w)",
        supposed="اگر|چنانچه|در صورتی",
        weighing="در نظر|بررسی|توجه|مدنظر|غور",
        reported="برخی|بعضی|کچھ لوگ|آیا",
        group="باردار|حاملگی|بارداری|کودکان|سالمندان|نوزادان|شیرده|حاملہ|بچوں|بوڑھوں|حمل",
        question="سؤال|سوال|پرسش|مورد",
        turned=r"\s*(?:نیست|نہیں|نمی|بود،|ہو تو|ہوتا)",
        follows="است|می باشد|میباشد|زیرا|چون|ہے|ہیں|کیونکہ|ہوگا|و نه|نیست|نہیں|صحیح|درست",
    ),
    "hi": Words(
        answer="उत्तर|जवाब",
        right="सही|सबसे अच्छा|सर्वोत्तम|उचित|योग्य|बरोबर|अचूक|सर्वश्रेष्ठ",
        option="विकल्प|चुनाव|उत्तर|जवाब",
        link="विकल्प|सही|है|आहे|हो|पर्याय|होगा|अंतिम|यह|अक्षर|इसलिए|का|प्रश्न",
        other="दूसरा|वैकल्पिक|अन्य",
        wrong="गलत|ग़लत|सबसे कम|चुकीच[ाेी]",
        negation="नहीं|न ",
        supposed="यदि|अगर",
        weighing="ध्यान|विचार|देखें",
        reported="कुछ लोग|क्या",
        group="गर्भवती|गर्भावस्था|बच्चों|बुजुर्गों|शिशुओं|स्तनपान",
        question="प्रश्न|सवाल|मामला",
        turned=r"\s*(?:नहीं|होता|हो तो|है तो)",
        follows="है|आहे|हो(?=।)|कारण|किनभने|क्योंकि|होगा|हैं|सही|नहीं|और न",
    ),
    "bn": Words(
        answer="উত্তর|জবাব",
        right="সঠিক|সেরা|সবচেয়ে উপযুক্ত|সর্বোত্তম|উপযুক্ত",
        option="বিকল্প|অপশন|পছন্দ|উত্তর|জবাব",
        link="হলো|হল|হচ্ছে|হবে|সঠিক|বিকল্প|চূড়ান্ত|অপশন|এটি|টি",
        other="দ্বিতীয়|বিকল্প উত্তর|অন্য",
        wrong="ভুল|সবচেয়ে কম",
        negation="নয়|না ",
        supposed="যদি",
        weighing="বিবেচনা|দেখি|লক্ষ্য",
        reported="কেউ কেউ|অনেকে",
        group="গর্ভবতী|গর্ভাবস্থা|শিশুদের|বয়স্কদের|স্তন্যদানকারী",
        question="প্রশ্ন|কেস",
        turned=r"\s*(?:নয়|না|হলে|হয়,? (?:তাহলে|তবে)|হতো)",
        follows="হলো|হল|হবে|কারণ|যেহেতু|সঠিক|নয়|এবং",
    ),
    "th": Words(
        answer="คำตอบ",
        choosing="ตอบ|(?<!ตัว)(?<!ทาง)เลือก",
        right="ที่ถูกต้องที่สุด|ที่ถูกต้อง|ถูกต้อง|ที่ดีที่สุด|ที่เหมาะสมที่สุด|ที่ถูก",
        option="ตัวเลือก|ข้อ|คำตอบ",
        link="ที่ถูกต้องที่สุด|ที่ถูกต้อง|ที่ถูก|ที่ดีที่สุด|คือ|ข้อ|ตัวเลือก|เป็น|สุดท้าย|ของ|คำถามนี้|จึง|ว่า",
        other="รองลงมา|อันดับสอง|อื่น|ทางเลือกอื่น",
        wrong="ที่ผิด|ไม่ถูกต้อง",
        negation="ไม่",
        supposed="ถ้า|หาก",
        weighing="พิจารณา|คำนึง|ดูจาก",
        reported="บางคน|หลายคน",
        group="หญิงตั้งครรภ์|ผู้ป่วยเด็ก|สำหรับเด็ก|ผู้สูงอายุ|ทารก|ให้นมบุตร|ในเด็ก",
        question="คำถาม|โจทย์|ข้อที่|กรณี",
        turned=r"\s*(?:ถ้า|หาก|ใช่หรือไม่|หรือไม่)",
        follows=r"[\u0e00-\u0e7f]",
    ),
    "zh": Words(
        choosing="答案|(?<![不可误])[选選](?:择|擇)?(?![项項])",
        right="正确|正確|最佳|最符合|符合题意|最合适|最恰当|最适合|最好|最可能",
        option="选项|選項|选择|答案|诊断|治疗|处理|措施|药物",
        link=(
            "是|为|為|应该|应为|應該|应是|选择|选项|选|選|項|项|正确|正確|最终|本题|此题|的|就是"
            "|字母|因此"
        ),
        other="次优|次佳|备选|其次|第二|另一|其他",
        wrong="错误|錯誤|不正确|不恰当|最不",
        negation="不|非|没|(?<!最)(?<!最有)可能",
        supposed="如果|假如|若|倘若|要是|假设",
        weighing="考虑|综合|结合|必须选|根据",
        reported="有人|误区|误以为|容易误|很多人|是否",
        group="孕妇|妊娠|儿童|小儿|老年人|哺乳期|新生儿|婴儿",
        question="问题|題目|题目|问|例题|病例",
        turned=r"\s*(?:吗|的话|错|不)|，也可能",
        follows="[项項]|选项|選項|而不是|而非|因为|因為|正确|正確|是|。",
    ),
    "ja": Words(
        choosing="答え|正解|正答|解答|回答",
        right="最も可能性が高い|正しい|最も適切な|最適な|適切な",
        option="選択肢|もの|の|治療|診断|答え",
        link="は|が|選択肢|最終的?な?|、|よって|したがって|の",
        other="次善|二番目|他の|別の|次に",
        wrong="誤っている|誤った|誤り|間違[っい]た?|不正解|不適切",
        negation="ない|不",
        supposed="もし|仮に",
        weighing="考慮|考え|踏まえ|選ぶ",
        reported="一部の|多くの",
        group="妊婦|妊娠中|小児|高齢者|授乳|新生児|乳児",
        question="問題|問|質問|設問|症例",
        turned=(
            r"\s*(?:では(?:な|あ)|じゃな|でな|なら|であれば|の場合|でしょうか|ですか|かもしれ)"
        ),
        follows="です|で[ある、。]|が|は|の|。|選択肢|と(?:な[るり]|考え|思|判断)|だ",
    ),
    "ko": Words(
        choosing="정답|답",
        right="옳은|올바른|가장 좋은|가장 적절한|적절한|맞는",
        option="선택지|보기|답|것|선택",
        link="은|는|이|가|최종|번|보기|선택지|따라서|바로|문제의",
        other="두 번째|차선|다른|대안",
        wrong="틀린|오답|잘못된",
        negation="아니|않",
        supposed="만약|만일",
        weighing="고려|살펴|골라야",
        reported="일부|많은 사람",
        group="임산부|임신|소아|노인|수유|신생아|영아",
        question="문제|질문|문항|증례",
        turned=(
            r"\s*(?:번)?(?:[이가은는]?\s*아[니닙닌]|라면|이면|인 경우|일까|입니까|인가요|일 수)"
        ),
        follows="입니다|이다|이며|임|번|선택지|이고|으?로|가 |이 |은 |는 |예요|이에요",
    ),
    "tl": Words(
        answer="sagot|kasagutan",
        choosing="pinipili ko",
        right="tamang|tama|wastong|wasto|pinakamahusay na|pinakaangkop na",
        option="sagot|opsyon|pagpipilian",
        link="ay|ang|si|titik|opsyon|tamang|panghuling|kaya",
        other="pangalawang|ikalawang|ibang|alternatibong|susunod na",
        wrong="maling|mali",
        negation="hindi",
        supposed="^kung|kapag|sakaling",
        weighing=r"isasaalang\w*|titingnan|pipili",
        reported="ilan|marami",
        group="(?:para sa|sa) (?:mga )?(?:buntis|bata|sanggol|matatanda)",
        question="tanong|kaso",
        turned=",? (?:lamang )?(?:kung|kapag)",
        follows="dahil|sapagkat|po|at hindi|ang",
    ),
}
