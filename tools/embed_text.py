# SPDX-License-Identifier: Apache-2.0
"""Builds a text into the program: embed_text.py OUTPUT.c INPUT SYMBOL HEADER."""
import sys

output, source, symbol, header = sys.argv[1:5]
with open(source, 'rb') as f:
    data = f.read()
with open(output, 'w', encoding='ascii') as f:
    f.write(f'#include "{header}"\n\nconst char {symbol}[] = {{\n')
    for i in range(0, len(data), 20):
        f.write('\t' + ''.join(f'{b - 256 if b > 127 else b}, ' for b in data[i:i + 20]) + '\n')
    f.write(f'\t0,\n}};\nconst size_t {symbol}_len = sizeof({symbol}) - 1;\n')
