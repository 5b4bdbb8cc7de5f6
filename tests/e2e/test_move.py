# SPDX-License-Identifier: Apache-2.0
"""`zegel export` and `zegel import`: a whole store from one engine to another, as an operator moves it."""
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import termios

from zegel import *

sys.path.insert(0, os.path.join(ROOT, 'tests', 'support'))
import pg  # noqa: E402

POSTGRES = os.environ.get('ZEGEL_TEST_POSTGRES')


class Schema:
  """A schema of its own in the database of the tests: an empty store on PostgreSQL."""
  made = 0

  def __init__(self):
    Schema.made += 1
    self.name = f'move_{os.getpid()}_{Schema.made}'
    self._say(f'CREATE SCHEMA {self.name}')
    self.url = POSTGRES + ('&' if '?' in POSTGRES else '?') + f'options=-csearch_path%3D{self.name}'

  def drop(self):
    self._say(f'DROP SCHEMA {self.name} CASCADE')

  @staticmethod
  def _say(sql):
    subprocess.run([os.path.join(pg.folder_of_programs(), 'psql'), '-q', '-v', 'ON_ERROR_STOP=1', '-c', sql, POSTGRES],
      check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def fails(done, *words):
  assert done.returncode == 1, f'ended with {done.returncode}: {done.stdout}{done.stderr}'
  for word in words:
    assert word in done.stderr, f'{word}: {done.stderr}'
  return done


def shop_with_a_past(z, sales=60):
  """A stopped server: sales of members and of nobody, a return, a reward, a programme in two arms."""
  server = z.own(2).start()
  m = server.merchants[0]
  p = m.pair()
  m.points('cents', per=1)
  m.mug(joining='auto')
  before = {}
  for n in range(sales):
    who = {'identifiers': [{'kind': 'loyalty_card', 'value': f'c{n % 17}'}]} if n % 5 else {}
    body = sale(1000 + n, number=f'R-{n} \u20ac', **who)
    before[f's-{n}'] = (body, p.till.sale(f's-{n}', body).raw)
  p.till.ok('POST', '/v1/sales/s-1/returns', {'id': 'r-1', 'at': now(), 'lines': [{'line': '1', 'quantity': '1',
    'amount': 1001}]})
  assert server.stop() == 0
  return server, p, before


def folder_with_keys(server):
  """A data folder that has the keys and nothing else."""
  other = Server()
  os.mkdir(other.data, 0o700)
  shutil.copy2(os.path.join(server.data, 'keys'), os.path.join(other.data, 'keys'))
  return other


def path_in(server, name):
  return os.path.join(server.home, name)


def content(path):
  with open(path, 'rb') as file:
    return file.read()


def answers_as_before(copy, till, before):
  copy.start()
  client = copy.client(till.key)
  for id, (body, raw) in before.items():
    assert client.call('PUT', f'/v1/sales/{id}', body).raw == raw, id
  client.ok('PUT', '/v1/sales/new', sale(100))
  assert copy.stop() == 0
  copy.verify()


@test('SQLite to SQLite: verifies, answers the same, and gives the same stream')
def _(z):
  server, p, before = shop_with_a_past(z)
  first, second = path_in(server, 'first'), path_in(server, 'second')
  done = server.cli('export', first)
  assert 'keys' in done.stderr and re.match(r'\d+ rows', done.stderr), done.stderr
  assert os.stat(first).st_mode & 0o777 == 0o600
  copy = folder_with_keys(server)
  done = copy.cli('import', first)
  assert 'zegel verify' in done.stdout, done.stdout
  copy.verify()
  copy.cli('export', second)
  assert content(first) == content(second), 'the same store, the same stream'
  answers_as_before(copy, p.till, before)


@test('SQLite to PostgreSQL and back, by a pipe')
def _(z):
  if not POSTGRES:
    skip('there is no PostgreSQL server here')
  server, p, before = shop_with_a_past(z)
  schema = Schema()
  try:
    there = ['--store', schema.url]
    command = '"$ZEGEL" export --data "$A" - | "$ZEGEL" import --data "$A" --store "$U" -'
    env = dict(os.environ, ZEGEL=server.binary, A=server.data, U=schema.url)
    done = subprocess.run(['bash', '-o', 'pipefail', '-c', command], env=env, stdout=subprocess.PIPE,
      stderr=subprocess.PIPE, text=True, timeout=120, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    server.cli('verify', *there)
    fails(server.cli('import', *there, path_in(server, 'none'), check=False), 'none')
    back, file = folder_with_keys(server), path_in(server, 'back')
    server.cli('export', *there, file)
    fails(server.cli('import', *there, file, check=False), 'not empty')
    back.cli('import', file)
    back.verify()
    one, two = path_in(server, 'one'), path_in(server, 'two')
    server.cli('export', one)
    back.cli('export', two)
    assert content(one) == content(two), 'there and back it is the same store'
    answers_as_before(back, p.till, before)
  finally:
    schema.drop()


def unread(pipe):
  """Bytes that lie in a pipe."""
  return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def killed_and_gone_on_with(server, target, store, file):
  """Feeds the stream through a pipe and kills the import, each time a bit further: at once, or when it has read all
  it was given. Then lets it go on to the end. Returns how often it was killed."""
  stream, kills = content(file), 0
  for part in range(1, 9):
    args = [target.binary, 'import', '--data', target.data, *store, '--resume', '-']
    with subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
      process.stdin.write(stream[:len(stream) * part // 9])
      process.stdin.flush()
      if part % 2 == 0:
        eventually(lambda: unread(process.stdin) == 0, 'it reads', 30)
      process.send_signal(signal.SIGKILL)
      process.wait(30)
      kills += process.returncode == -signal.SIGKILL
  fails(target.cli('import', *store, file, check=False), 'begun')
  target.cli('import', *store, '--resume', file, timeout=120)
  return kills


@test('kill -9 in the middle of an import, --resume: equal')
def _(z):
  server, p, before = shop_with_a_past(z, 200)
  file, after = path_in(server, 'file'), path_in(server, 'after')
  server.cli('export', file)
  copy = folder_with_keys(server)
  assert killed_and_gone_on_with(server, copy, [], file) == 8
  copy.verify()
  copy.cli('export', after)
  assert content(file) == content(after)
  answers_as_before(copy, p.till, before)


@test('the same into PostgreSQL')
def _(z):
  if not POSTGRES:
    skip('there is no PostgreSQL server here')
  server, _, _ = shop_with_a_past(z, 200)
  schema, file = Schema(), path_in(server, 'file')
  try:
    server.cli('export', file)
    assert killed_and_gone_on_with(server, server, ['--store', schema.url], file) == 8
    server.cli('verify', '--store', schema.url)
  finally:
    schema.drop()


@test('a store that is half full is opened by nobody')
def _(z):
  server, _, _ = shop_with_a_past(z)
  file, cut = path_in(server, 'file'), path_in(server, 'cut')
  server.cli('export', file)
  with open(cut, 'wb') as out:
    out.write(content(file)[:-100])
  copy = folder_with_keys(server)
  fails(copy.cli('import', cut, check=False), 'cut off', 'block')
  for command in (['serve', '--listen', '127.0.0.1:0'], ['verify'], ['backup', path_in(copy, 'b')], ['key', 'list'],
      ['export', path_in(copy, 'e')]):
    fails(copy.cli(*command, check=False), 'import', '--resume')
  fails(copy.cli('import', file, check=False), '--resume')
  copy.cli('import', '--resume', file)
  copy.verify()


@test('wrong keys, a wrong file, a store that serves: nothing is written')
def _(z):
  server, _, _ = shop_with_a_past(z, 5)
  file = path_in(server, 'file')
  server.cli('export', file)
  fails(server.cli('export', file, check=False), 'already')
  other = z.own()
  os.remove(os.path.join(other.data, 'zegel.db'))
  fails(other.cli('import', file, check=False), 'keys')
  assert 'zegel.db' not in os.listdir(other.data), 'nothing was made'
  fails(server.cli('import', file, check=False), 'not empty')
  fails(server.cli('import', __file__, check=False), 'no stream')
  fails(server.cli('import', path_in(server, 'nothing'), check=False), 'nothing')
  fails(server.cli('export', path_in(server, 'no/such/folder'), check=False), 'no/such')
  nothing = Server()
  fails(nothing.cli('import', file, check=False), 'keys')
  server.start()
  fails(server.cli('import', file, check=False), 'another zegel serves')
  serving = path_in(server, 'serving')
  server.cli('export', serving)  # reads while it serves
  assert server.alive() and os.path.getsize(serving) > 1000
  with open('/dev/full', 'wb') as full:
    done = subprocess.run([server.binary, 'export', '--data', server.data, '-'], stdout=full, stderr=subprocess.PIPE,
      stdin=subprocess.DEVNULL, text=True, timeout=60)
  fails(done, 'cannot be written')


@test('help says all there is to know')
def _(z):
  for command, words in (('export', ['--data', '--store', 'keys', 'FILE|-']),
      ('import', ['--resume', 'bucket', 'verify', 'keys'])):
    text = Server().cli('help', command, data=False).stdout
    for word in words:
      assert word in text, f'{word} is not in: {text}'
    assert max(len(row) for row in text.splitlines()) <= 100, text


main()
