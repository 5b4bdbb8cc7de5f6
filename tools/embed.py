#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""embed.py OUT.c SCRIPT.lua...: the stock scripts as a C array, one string literal a line of Lua."""
import pathlib
import sys


def literal(line):
  """One line, as C. Three octal digits, so that no digit behind them is taken for one of theirs."""
  plain = lambda byte: 32 <= byte < 127 and byte not in b'"\\?'
  return '\t"' + "".join(chr(b) if plain(b) else f"\\{b:03o}" for b in line) + '"\n'


def main(out, scripts):
  text = "/* Made by tools/embed.py; the scripts are in lua/programmes/. */\n"
  text += '#include "programme/host.h"\n\n'
  rows = ""
  for path in sorted(map(pathlib.Path, scripts), key=lambda path: path.stem):
    name = path.stem
    lines = path.read_bytes().splitlines(keepends=True)
    text += f"static const char {name}[] =\n" + "".join(map(literal, lines)) + "\t;\n\n"
    rows += f'\t{{ "{name}", {name}, sizeof {name} - 1 }},\n'
  text += "const struct stock_script stock_scripts[] = {\n" + rows + "};\n"
  text += "const size_t stock_script_count = sizeof stock_scripts / sizeof *stock_scripts;\n"
  pathlib.Path(out).write_text(text)


main(sys.argv[1], sys.argv[2:])
