#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
#
# Print so many KiB to compress, always the same: words of the sources, drawn
# with a skew, and now and then a stretch that does not shrink.
#
#	input.py KIB
import pathlib
import random
import re
import sys

top = pathlib.Path(__file__).resolve().parents[2]
size = int(sys.argv[1]) << 10
text = (top / "README.md").read_text(encoding="utf-8")
words = re.findall(r"\S+\s+", text)
draw = random.Random(1)
parts, length = [], 0
while length < size:
    if draw.randrange(16) == 0:
        part = draw.randbytes(2048)
    else:
        at = int(len(words) * draw.random() ** 2)
        part = "".join(words[at:at + draw.randrange(1, 60)]).encode()
    parts.append(part)
    length += len(part)
sys.stdout.buffer.write(b"".join(parts)[:size])
