#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The house rules that no compiler knows, one test each: what may include what (src/layers.txt), sizes, words,
papers that must agree with the code. Prints TAP; --quiet prints only what is wrong.

To add a rule: a function under @rule('a sentence that is true') that yields each breach as "FILE[:LINE]: why".
"""
import concurrent.futures
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
COLUMNS, TAB = 100, 8
FUNCTION_LINES, FILE_LINES = 90, 600
# A line that holds a text may be longer: texts are not broken, so that they can be searched for.
TEXT_COLUMNS = 128
RULES = []

# Headers of other people's libraries, and who alone may see them.
DOORS = {
  'sodium.h': r'src/base/sodium_impl\.h|src/app/folder\.c',
  'libpq-fe.h': r'src/store/postgres\w*\.[ch]|src/app/bench_postgres\.c|src/store/fixture\w*\.[ch]|src/.*_test\.c',
  'sqlite3.h': r'src/store/sqlite\w*\.[ch]|src/app/bench_sqlite\.c|src/.*_(test|fixture)\.c',
  'simdjson.h': r'src/codec/json_simdjson\.cpp',
  'zstd.h': r'src/codec/pack\w*\.c',
  'glib.h': r'src/codec/(date|json_write)\.c',
  'microhttpd.h': r'src/http/http_impl\.h',
  'lua.h': r'src/programme/host\w*\.[ch]',
  'curl/curl.h': r'src/app/(client|demo_stream)\.c|src/http/.*_test\.c',
}
# Calls with no limit on what they write, or no way to see that they failed.
CALLS = ('strcpy', 'strcat', 'sprintf', 'vsprintf', 'strtok', 'atoi', 'atol', 'atof', 'gets', 'rand', 'alloca')


def rule(name):
  def add(function):
    RULES.append((name, function))
    return function
  return add


# ---- the repository ----

def walk():
  for folder, folders, names in os.walk(ROOT):
    folders[:] = sorted(f for f in folders if not re.match(r'build|\.git$|demo-data$|node_modules$|__pycache__$', f))
    for name in sorted(names):
      yield os.path.relpath(os.path.join(folder, name), ROOT)


FILES = list(walk())
_texts = {}


def text(path):
  if path not in _texts:
    with open(os.path.join(ROOT, path), encoding='utf-8') as file:
      _texts[path] = file.read()
  return _texts[path]


def rows(path):
  return enumerate(text(path).splitlines(), 1)


def having(*ends):
  return [f for f in FILES if f.endswith(ends)]


def c_files():
  return [f for f in having('.c', '.h', '.cpp') if f.startswith(('src/', 'tests/', 'tools/'))]


def bare(code):
  """C without its comments and texts, so that words in them are not taken for code; lines stay."""
  def blank(found):
    kept = '""' if found[0][0] == '"' else "' '" if found[0][0] == "'" else ' '
    return kept + '\n' * found[0].count('\n')
  return re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*', blank, code, flags=re.S)


def includes(path):
  for number, row in rows(path):
    found = re.match(r'#\s*include\s+["<]([^">]+)[">]', row)
    if found:
      yield number, found[1], '<' in row


# ---- rooms ----

def layers():
  """Room to the rooms it may use."""
  found = {}
  for _, row in rows('src/layers.txt'):
    room, colon, uses = row.partition(':')
    if colon and not row.startswith('#'):
      found[room.strip()] = set(uses.split())
  return found


def is_test(path):
  return re.search(r'_(test|fuzz|bench)\.c$|fixture\w*\.[ch]$|/test_client\.[ch]$|scenarios_impl\.h$', path)


@rule('includes go the way src/layers.txt says, and stay out of other rooms\' private headers')
def _():
  may = layers()
  for path in [f for f in c_files() if f.startswith('src/')]:
    room = path.split('/')[1]
    if room not in may:
      yield f'{path}: the room {room} is not in src/layers.txt'
      continue
    for number, name, system in includes(path):
      other = name.split('/')[0] if '/' in name else None
      if system or (is_test(path) and name.startswith('tests/support/')):
        continue
      if other not in may and not (other is None and is_test(path)):
        yield f'{path}:{number}: "{name}" is not written from src/'
      elif other in may and other != room and other not in may[room]:
        yield f'{path}:{number}: {room} may not include {other} ("{name}")'
      elif other in may and other != room and re.search(r'_(impl|sql)\.h$', name) and not is_test(path):
        yield f'{path}:{number}: "{name}" is for files of {other} alone'


@rule('each library is seen by its own files alone')
def _():
  for path in [f for f in c_files() if f.startswith('src/')]:
    for number, name, system in includes(path):
      if system and name in DOORS and not re.fullmatch(DOORS[name], path):
        yield f'{path}:{number}: <{name}> is not for this file'


@rule('rooms use only rooms above them')
def _():
  seen = set()
  for room, uses in layers().items():
    for other in sorted(uses - seen):
      yield f'src/layers.txt: {room} uses {other}, which does not stand before it'
    seen.add(room)


@rule('every header compiles alone, and twice')
def _():
  flags = subprocess.run(['pkg-config', '--cflags', 'lua5.4', 'libmicrohttpd', 'glib-2.0', 'libcurl', 'sqlite3', 'libpq'],
    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout.split()
  compiler = os.environ.get('CC', 'cc').split()

  def compiles(path):
    name = re.sub('^src/', '', path)
    done = subprocess.run([*compiler, '-std=gnu17', '-D_GNU_SOURCE', '-fsyntax-only', '-w', '-Isrc', '-I.', *flags,
      '-x', 'c', '-'], input=f'#include "{name}"\n#include "{name}"\n', stderr=subprocess.PIPE, text=True, cwd=ROOT,
      check=False)
    first = next((row for row in done.stderr.splitlines() if 'error:' in row), done.stderr.strip())
    return [] if done.returncode == 0 else [f'{path}: {first}']
  # cmocka.h wants its own headers first, and test.h sees to that.
  headers = [f for f in having('.h') if f.startswith(('src/', 'tests/'))]
  with concurrent.futures.ThreadPoolExecutor(2) as pool:
    for found in pool.map(compiles, headers):
      yield from found


@rule('every room has a README')
def _():
  for room in layers():
    if any(f.startswith(f'src/{room}/') for f in FILES) and f'src/{room}/README.md' not in FILES:
      yield f'src/{room}: no README.md'


@rule('every test and fuzzer is built')
def _():
  for path in having('_test.c', '_fuzz.c'):
    folder, name = os.path.split(path)
    short = re.sub(r'_(test|fuzz)\.c$', '', name)
    builds = ''.join(text(f) for f in having('meson.build') if f.startswith((folder + '/', 'tests/')))
    if not re.search(rf"'{short}'|'[\w/.]*{short}_(test|fuzz)(\.c)?'", builds):
      yield f'{path}: no meson.build names it'


# ---- sizes ----

@rule(f'no function is longer than {FUNCTION_LINES} lines')
def _():
  for path in c_files():
    begun = None
    for number, row in rows(path):
      if row == '{':
        begun = number
      elif row.startswith('}') and begun:
        if number - begun + 1 > FUNCTION_LINES:
          yield f'{path}:{begun}: {number - begun + 1} lines'
        begun = None


@rule(f'no file is longer than {FILE_LINES} lines')
def _():
  for path in having('.c', '.h', '.cpp', '.lua', '.py', '.def'):
    count = text(path).count('\n')
    if count > FILE_LINES:
      yield f'{path}: {count} lines'


@rule(f'no line of C is longer than {COLUMNS} columns, or {TEXT_COLUMNS} with a text in it')
def _():
  for path in c_files() + having('.def'):
    for number, row in rows(path):
      columns = len(row.expandtabs(TAB))
      if columns > (TEXT_COLUMNS if '"' in row else COLUMNS):
        yield f'{path}:{number}: {columns} columns'


@rule('lines end where their text ends, files with a line')
def _():
  for path in having('.c', '.h', '.cpp', '.lua', '.py', '.def', '.md', '.txt', '.build', 'dev', '.ci/run'):
    for number, row in rows(path):
      if row != row.rstrip():
        yield f'{path}:{number}: white space at the end'
    if not text(path).endswith('\n') or text(path).endswith('\n\n'):
      yield f'{path}: does not end with one line end'


# ---- words ----

@rule('every source file says its licence at its head')
def _():
  for path in having('.c', '.h', '.cpp', '.lua', '.py', '.def', 'dev', '.ci/run'):
    head = text(path).split('\n')[:2]
    if not any('SPDX-License-Identifier: Apache-2.0' in row for row in head):
      yield f'{path}: no SPDX line'


@rule('no call without a limit: ' + ', '.join(CALLS))
def _():
  for path in c_files():
    for number, row in enumerate(bare(text(path)).splitlines(), 1):
      found = re.search(rf'(?<![\w.>])({"|".join(CALLS)})\s*\(', row)
      if found:
        yield f'{path}:{number}: {found[1]}()'


@rule('nothing is left to do, and nothing speaks of a place it was made in')
def _():
  words = re.compile(r'\b(' + 'TO' + r'DO|FIX' + r'ME|XX' + r'X)\b|(?<![\w.])/(work|root|home)/\w')
  for path in having('.c', '.h', '.cpp', '.lua', '.py', '.def', '.md', '.txt', '.build', '.json', 'dev', '.ci/run'):
    for number, row in rows(path):
      found = words.search(row)
      if found:
        yield f'{path}:{number}: {found[0]}'


# ---- papers that must agree with the code ----

def entries(path, macro):
  """The arguments of each MACRO(...) of a .def list, texts without their quotes."""
  for found in re.finditer(rf'^{macro}\((.*?)\)$', text(path), re.S | re.M):
    yield [a.strip().strip('"') for a in re.findall(r'(?:"(?:\\.|[^"\\])*"|[^,"])+', found[1])]


@rule('operations.def and openapi.json list the same calls')
def _():
  listed = {(e[1], e[2]) for e in entries('src/api/operations.def', 'OPERATION')}
  document = json.loads(text('src/api/openapi.json'))
  written = {(method.upper(), path) for path, item in document['paths'].items() for method in item
    if method in ('get', 'put', 'post', 'delete', 'patch')}
  for method, path in sorted(listed - written):
    yield f'src/api/openapi.json: {method} {path} is missing'
  for method, path in sorted(written - listed):
    yield f'src/api/operations.def: {method} {path} is missing'


@rule('docs/running.md tells every setting with its default, and every command')
def _():
  manual = text('docs/running.md')
  for name, _, value, *_ in entries('src/app/settings.def', 'SETTING'):
    flag = '--' + name.replace('_', '-')
    row = next((r for r in manual.splitlines() if re.match(rf'\| `{flag}[ `]', r)), None)
    if not row:
      yield f'docs/running.md: no row of the table begins with {flag}'
    elif value and f'`{value}`' not in row:
      yield f'docs/running.md: {flag} has the default {value}'
  for name, *_ in entries('src/app/commands.def', 'COMMAND'):
    if f'`zegel {name}' not in manual:
      yield f'docs/running.md: no word of `zegel {name}`'


def anchors(path):
  prose = re.sub(r'^```.*?^```', '', text(path), flags=re.S | re.M)
  heads = re.findall(r'^#+ (.*)$', prose, re.M)
  return {re.sub(r'[^\w\- ]', '', head.lower()).strip().replace(' ', '-') for head in heads}


@rule('links in the papers lead somewhere, and files they name are there')
def _():
  for path in having('.md'):
    folder = os.path.dirname(path)
    prose = re.sub(r'^```.*?^```', lambda found: '\n' * found[0].count('\n'), text(path), flags=re.S | re.M)
    for number, row in enumerate(prose.splitlines(), 1):
      for link in re.findall(r'\]\(([^)\s]+)\)', row):
        to, _, anchor = link.partition('#')
        target = os.path.normpath(os.path.join(folder, to)) if to else path
        if re.match(r'https?:|mailto:', link):
          continue
        if not os.path.exists(os.path.join(ROOT, target)):
          yield f'{path}:{number}: {link} is not there'
        elif anchor and target.endswith('.md') and anchor not in anchors(target):
          yield f'{path}:{number}: {target} has no heading {anchor}'
      for name in re.findall(r'`([\w.-]+(?:/[\w.-]+)+\.(?:c|h|cpp|def|lua|py|md|txt|json|build))`', row):
        if not any(os.path.exists(os.path.join(ROOT, base, name)) for base in ('', 'src', folder)):
          if not name.startswith('build') and 'NAME' not in name:
            yield f'{path}:{number}: there is no {name}'


@rule('every decision stands in ARCHITECTURE.md, every page of docs/ in docs/README.md')
def _():
  for path in having('.md'):
    index = 'ARCHITECTURE.md' if path.startswith('docs/decisions/') else 'docs/README.md'
    if path.startswith('docs/') and path != index and os.path.relpath(path, os.path.dirname(index)) not in text(index):
      yield f'{index}: {path} is not in it'


# ---- running them ----

def main():
  quiet, failed = '--quiet' in sys.argv[1:], 0
  for number, (name, function) in enumerate(RULES, 1):
    try:
      breaches = list(function())
    except (OSError, ValueError, KeyError) as problem:
      breaches = [f'{type(problem).__name__}: {problem}']
    failed += bool(breaches)
    if breaches or not quiet:
      print(f'{"not " if breaches else ""}ok {number} - {name}')
    for breach in breaches:
      print('# ' + breach.replace('\n', '\n#   '))
  if not quiet:
    print(f'1..{len(RULES)}')
  return 1 if failed else 0


if __name__ == '__main__':
  sys.exit(main())
