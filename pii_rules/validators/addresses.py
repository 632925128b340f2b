"""Postal addresses by grammar: administrative names, a street or village, and a number.

The expressions of the rules match the core (…路12号). From there the address reaches left over what can belong
to it, as far as a province's, a city's or a district's name, and right over building, unit and room.
"""

from __future__ import annotations

import re

from corpus.pii.candidate import Candidate
from pii_rules.validators.tables import words

REACH = 48  # longest run of characters before the core
FEW_LEVELS = 2  # 村里有一幢…: Chinese numerals need more than one administrative name
SHORTEST = 5  # characters of a whole address

# What ends an address on its left: punctuation or a word that introduces it. A blank does, unless an
# administrative name ends there (北京市 海淀区 ...).
LEFT_BORDER = re.compile(
    r"[^一-龥0-9A-Za-z \-()#·]|(?<![省市区县旗镇乡村道路街]) +|住址|地址|住所地?|户籍所在地|户籍地?|所在地"
    r"|住在|家住|租住|现住|居住于|居住在|居住|现居"
    r"|寄到|寄至|寄往|送到|送至|送往|配送至|收货|位于|坐落于?|家在|搬到|搬至|回到|来到|前往|身在|本人|我们家|我家|家里|整租|合租|出租|转租|房源"
    r"|住[于址在]?|系|是|在|到|至|往|为|于|从|由|了|的|:"
)
LEVELS = re.compile(
    r"[一-龥]{1,10}?(?:省|市|州|盟|区|县|旗|镇|乡|街道|村|路|街|道|巷|里|弄|胡同|社区|小区|园|苑|庄|城|湾|府|花园|家园|大厦|公寓|广场|宿舍)"
)
NAMED = r"[一-龥·]{0,12}"  # an estate's or building's own name between two numbers
NUMBER = r"第?[0-9A-Za-z一二三四五六七八九十百〇零]{1,6}(?:[ ]?[\-#][ ]?[0-9A-Za-z]{1,5}){0,3}"
UNIT = r"(?:号楼|号院|号|支弄|弄|栋|幢|座|单元|室|组|队|楼|层|户|门|房|巷|排|舍)"
TAIL = re.compile(rf"{NUMBER}[ ]?{UNIT}?(?:[ ,]?(?:{NAMED}[ ]?{NUMBER}[ ]?{UNIT})){{0,6}}")
FUNCTION = re.compile(r"[有不了也要就还很这我你他她们没说把被让其着吗吧呢]|因为|所以|如果")
CORE_NUMBER = re.compile(
    r"第?[A-Za-z]?[0-9]|第?[一二三四五六七八九十百〇零]{1,5}[ ]?(?:号|弄|栋|幢|座|单元|室|组|队|楼|层|巷|户)$"
)
# An address in a field: a region first, then a road, a village or an estate.
REGION = re.compile(r"[一-龥]{1,10}?(?:省|市|自治区|自治州|州|盟|区|县|旗|镇|乡|街道)")
DWELLING = re.compile(
    r"路|街(?!道)|大道|巷|弄|胡同|村|庄|屯|寨|社区|小区|新区|苑|花园|家园|公馆|府邸|大厦|公寓|广场|宿舍|新村|坊|里(?![面边头外])"
    r"|工业区|工业园|产业园|园区|组|[0-9一二三四五六七八九十]社|[号栋幢室]"
)
# What comes after the field: another label, or a place that is only near it.
FIELD_END = re.compile(
    r"[ ](?=[一-龥A-Za-z]{2,8}:)|[ ]?(?:联系电话|联系人|联系方式|电话|手机|邮编|邮政编码|收件人|收货人|姓名|身份证|微信"
    r"|备注|性别|公民身份)"
    r"|附近|旁边|对面|一带|的|,|，"
)
ANONYMISED = re.compile(r"[Xx]{2}|某")
BARE_ROOM = re.compile(
    r"[ ]?(?:[一-龥]{2,8}[ ]?)?(?<![0-9])[0-9]{1,5}(?:-[0-9]{1,5}){1,3}(?:室|号)?(?![0-9年月日元万%.])"
    r"|[ ]?[0-9]{2,5}(?![0-9年月日元万%.人个岁次分秒\-])"
)


def residence(candidate: Candidate) -> Candidate | None:
    """An address as of a dwelling: with a cue, or down to a room."""
    found = street(candidate)
    if found is None:
        return None
    if found.cued:
        return found
    fine = len(re.findall(r"(?:栋|幢|单元|室|号楼|户|房)", found.value)) >= 2
    return found._replace(score=0.6 if fine else 0.3)


def field(candidate: Candidate) -> Candidate | None:
    """An address in a form's field, or where somebody lives: a region, and in it a road, a village or an estate."""
    value = candidate.value
    border = FIELD_END.search(value)
    value = value[: border.start()] if border else value
    if candidate.text[candidate.start + len(value) :][:1] == ":":
        value = value[: value.rfind(" ") + 1]  # the last word is the next label
    value = value.rstrip(" -_(#·")
    region = next((name for name in sorted(words("provinces"), key=len, reverse=True) if value.startswith(name)), "")
    found = REGION.match(value, len(region))
    begin = found.end() if found else len(region)
    if (
        not begin
        or FUNCTION.search(value)
        or ANONYMISED.search(value)
        or any(word in value for word in words("not_in_addresses"))
    ):
        return None
    return candidate._replace(end=candidate.start + len(value)) if DWELLING.search(value, begin) else None


def street(candidate: Candidate) -> Candidate | None:
    """An address with a street, village or estate of its own name and a number; its span is widened to the whole."""
    text, start = candidate.text, candidate.start
    low = max(0, start - REACH)
    begin = low
    for border in LEFT_BORDER.finditer(text, low, start):
        begin = border.end()
    begin = _administrative_start(text, begin, start)
    while begin < start and text[begin] in " -()#·0123456789":
        begin += 1
    number = _core_number(text, candidate)
    end = candidate.end
    tail = TAIL.match(text, number)
    if tail is not None:
        end = max(end, tail.end())
    if text[end - 1] in "0123456789号弄栋幢座单元楼层":
        room = BARE_ROOM.match(text, end)
        if room is not None:
            end = room.end()
    head = text[begin:number]
    digits = number < len(text) and text[number].isascii()  # an address may end the text without a number of its own
    if FUNCTION.search(head) or (not digits and len(LEVELS.findall(head)) < FEW_LEVELS and not candidate.cued):
        return None
    if end - begin < SHORTEST or any(word in head for word in words("not_in_addresses")) or not LEVELS.match(head):
        return None
    return candidate._replace(start=begin, end=end)


def _administrative_start(text: str, begin: int, start: int) -> int:
    """Return where the administrative names start: a province's name, else ``begin``."""
    window = text[begin:start]
    places = [window.find(name) for name in words("provinces") if name in window]
    return begin + min(places) if places else begin


def _core_number(text: str, candidate: Candidate) -> int:
    """Return where the first number after the core's road or estate starts."""
    match = CORE_NUMBER.search(candidate.value)
    return candidate.start + match.start() if match else candidate.end
