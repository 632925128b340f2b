"""Writes a WuDaoCorpora-format file (one JSON array) of a given size, for the memory of `wudao build` over it.

python benchmarks/wudao_file.py --megabytes 300 -o /tmp/wudao/part-2021000000.json
python benchmarks/end_to_end.py --input /tmp/wudao --workers 2
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

LABELS = ("百科", "博客", "经济", "医学问答", "法律", "科技")
WHO = (
    "老木匠",
    "年轻的护士",
    "退休教师",
    "镇上的会计",
    "修表师傅",
    "种茶的人",
    "夜班司机",
    "图书管理员",
    "渔船船长",
    "豆腐坊主",
)
WHEN = ("清晨", "雨停以后", "每逢集日", "入冬之前", "孩子放学时", "灯还没亮的时候", "收成过后", "汛期到来以前")
WHAT = (
    "把账本一页一页翻给大家看", "沿着河堤慢慢走了一个来回", "给远方的朋友写了一封长信", "把旧机器拆开又装了回去",
    "和邻居商量怎样修那段塌了的路", "在院子里晒满了新收的豆子", "替不识字的人读完了通知", "对着地图找那座已经改名的桥",
    "教徒弟分辨木料的纹理和干湿", "记下了当天的风向、水位和气温", "为一笔小小的误差核对到半夜", "把听来的故事讲给病人听",
)  # fmt: skip
WHY = (
    "因为他说，账清楚了，心里才踏实", "这件事他已经坚持了二十多年", "没有人要求他这样做", "后来许多人也学着这样做了",
    "谁也没有想到结果会是这样", "这在当地算是一件稀罕事", "直到今天还有人提起", "日子就这样一天天过去",
)  # fmt: skip


def document(number: int) -> dict[str, object]:
    """Return document ``number``: 200 to 2,500 characters, distinct from the others."""
    rng = random.Random(number)
    lines = [
        "".join(
            f"{rng.choice(WHEN)}，{rng.choice(WHO)}{rng.choice(WHAT)}，{rng.choice(WHY)}。"
            for _ in range(rng.randint(2, 6))
        )
        for _ in range(rng.randint(3, 12))
    ]
    key = f"{rng.getrandbits(128):032x}"
    return {
        "id": number, "uniqueKey": key, "titleUkey": key[::-1], "dataType": LABELS[number % len(LABELS)],
        "title": f"{rng.choice(WHO)}的一天（之{number}）", "content": "\n".join(lines),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=300)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    with arguments.output.open("wb") as stream:
        stream.write(b"[")
        number = 0
        while stream.tell() < arguments.megabytes * 1_000_000:
            row = json.dumps(document(number), ensure_ascii=False).encode()
            stream.write((b",\n" if number else b"") + row)
            number += 1
        stream.write(b"]\n")
    print(f"{number} documents")


if __name__ == "__main__":
    main()
