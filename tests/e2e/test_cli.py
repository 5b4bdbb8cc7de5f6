# SPDX-License-Identifier: Apache-2.0
"""The command line, as an operator uses it: init, serve, keys, merchants, backup, restore, verify,
and what it says when something is wrong."""
import json
import os
import re
import shutil
import socket
import sqlite3
import ssl
import stat
import subprocess
import threading
import urllib.request

from zegel import *

COMMANDS = ['init', 'serve', 'demo', 'replay', 'bench', 'verify', 'backup', 'restore', 'export', 'import',
  'merchant', 'key']


def mode(path):
  return stat.S_IMODE(os.stat(path).st_mode)


def fails(done, *words):
  """It ended with an error and one of the words stands in what it said, on standard error."""
  assert done.returncode not in (0, None) and done.returncode > 0, (
    f'ended with {done.returncode}: {done.stdout}{done.stderr}')
  assert done.stderr.strip(), 'it says nothing on standard error'
  assert not words or any(w.lower() in done.stderr.lower() for w in words), (
    f'{words}: {done.stderr}')
  assert 'Sanitizer' not in done.stderr, done.stderr
  return done


def keys_of(server, merchant=None):
  """`key list --json` as a list of objects."""
  listed = json.loads(server.cli('key', 'list', '--json').stdout)
  return listed if isinstance(listed, list) else listed['keys']


@test('help names every command and setting')
def _(z):
  server = z.own()
  text = server.cli('help', data=False).stdout
  for word in COMMANDS + ['ZEGEL_']:
    assert word in text, f'{word} is not in: {text}'
  for command, words in (('serve', ['--data', '--listen', '--tls-cert', '--tls-key']),
      ('key', ['--merchant', '--role', '--json'])):
    text = server.cli('help', command, data=False).stdout
    for word in words:
      assert word in text, f'{word} is not in: {text}'
  assert server.cli('--help', data=False).stdout
  assert server.cli('--version', data=False).stdout.strip().split()[-1][0].isdigit()


@test('a wrong command or option is named')
def _(z):
  server = z.own()
  for args in (('frobnicate',), ('init', '--colour', 'red'), ('serve', '--listen'),
      ('serve', '--listen', 'nowhere:x'),
      ('key', 'frobnicate'), ('verify', 'surplus')):
    fails(server.cli(*args, check=False), args[-1].lstrip('-').split(':')[0], args[0])
  fails(server.cli(data=False, check=False))


@test('init makes a closed folder, once')
def _(z):
  server = z.own()
  assert mode(server.data) == 0o700, oct(mode(server.data))
  for where, _, names in os.walk(server.data):
    for name in names:
      assert mode(os.path.join(where, name)) & 0o077 == 0, (
        f'{name} is {oct(mode(os.path.join(where, name)))}')
  assert server.merchants[0].id and server.merchants[0].admin.key.startswith('zk_')
  before = {n: os.stat(os.path.join(server.data, n)).st_size for n in os.listdir(server.data)}
  fails(server.cli('init', check=False), 'already', 'exists')
  assert {n: os.stat(os.path.join(server.data, n)).st_size
    for n in os.listdir(server.data)} == before
  other = Server()
  text = other.cli('init').stdout
  assert 'zk_' in text, 'without --json the admin key is printed for a person'
  assert mode(other.data) == 0o700


@test('an init with a wrong value leaves nothing behind')
def _(z):
  server = Server()
  for flag, value in (('--currency', 'eur'), ('--country', 'Belgium'), ('--sector', 'Food!'),
      ('--languages', 'nl,fr'), ('--time-zone', 'Europe/Atlantis'), ('--name', 'x' * 201)):
    done = fails(server.cli('init', flag, value, check=False))
    assert flag.strip('-').replace('-', '_') in done.stderr, done.stderr
    assert not os.path.exists(server.data), f'{flag}: {os.listdir(server.data)}'
  server.cli('init')


def change(server, script):
  """SQL in the store of a server that is not running."""
  db = sqlite3.connect(os.path.join(server.data, 'zegel.db'))
  db.executescript(script)
  db.close()


def without_store(server):
  for name in os.listdir(server.data):
    if name.startswith('zegel.db'):
      os.remove(os.path.join(server.data, name))


NOBODY = 'DELETE FROM access_keys; DELETE FROM merchants;'
BROKEN_OFF = (
  ('with keys alone', without_store),
  ('before the last table', lambda server: change(server, NOBODY + 'DROP TABLE kept_files;'
    "DELETE FROM schema_steps WHERE name = 'backup-1'")),
  ('before its merchant', lambda server: change(server, NOBODY)))


@test('an init that was broken off is done again, and says so')
def _(z):
  for what, break_off in BROKEN_OFF:
    server = z.own()
    break_off(server)
    done = server.cli('init', '--json')
    assert 'goes on' in done.stderr and server.data in done.stderr, f'{what}: {done.stderr}'
    server.start()
    server.client(json.loads(done.stdout)['admin_key']).ok('GET', '/v1/shops')
    assert server.stop() == 0
    fails(server.cli('init', check=False), 'already')
    server.verify()


@test('an init killed at any moment is done again')
def _(z):
  for wait in range(1, 60, 8):
    server = Server()
    killed = subprocess.Popen([server.binary, 'init', '--data', server.data],
      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
      killed.wait(wait / 1000)
    except subprocess.TimeoutExpired:
      killed.kill()
      killed.wait(10)
    done = server.cli('init', check=False)
    assert done.returncode == 0 or 'already' in done.stderr, f'{wait} ms: {done.stderr}'
    server.verify()


@test('init migrates nobody\'s store')
def _(z):
  server = z.own()
  change(server, "DELETE FROM schema_steps WHERE name = 'visit-5'")
  fails(server.cli('init', check=False), 'migrate')
  fails(server.cli('verify', check=False), 'migrate')


@test('without a folder, a key file, or a port')
def _(z):
  nothing = Server()
  for command in ('serve', 'verify', 'backup', 'key', 'merchant', 'programme'):
    args = [command, 'nowhere'] if command == 'backup' else [command]
    said = fails(nothing.cli(*args, check=False)).stderr
    assert said == (f'zegel {command}: {nothing.data} is no data folder (it has no keys); '
      'make one with zegel init\n'), said
    assert not os.path.exists(nothing.data)
  server = z.own()
  taken = socket.socket()
  taken.bind(('127.0.0.1', 0))
  taken.listen(1)
  port = taken.getsockname()[1]
  fails(server.cli('serve', '--listen', f'127.0.0.1:{port}', check=False), str(port), 'in use')
  taken.close()
  secret = [n for n in os.listdir(server.data) if 'key' in n]
  assert secret, f'a key file: {os.listdir(server.data)}'
  os.rename(os.path.join(server.data, secret[0]), os.path.join(server.home, 'away'))
  fails(server.cli('serve', '--listen', '127.0.0.1:0', check=False), 'key')


@test('a receipt can be opened where the server listens, or where it was told')
def _(z):
  server = z.own().start()
  p = server.merchants[0].pair()
  url = p.till.sale('here', sale(100))['receipt']['url']
  assert url.startswith(f'http://127.0.0.1:{server.port}/r/'), url
  with urllib.request.urlopen(url, timeout=10) as page:
    assert page.status == 200
  assert server.log().count('--public-url') == 1, server.log()
  assert f'http://127.0.0.1:{server.port};' in server.log(), server.log()
  assert server.stop() == 0
  server.start('--public-url', 'https://bon.example/')
  url = p.till.sale('there', sale(100))['receipt']['url']
  assert url.startswith('https://bon.example/r/'), url
  assert server.log().count('--public-url') == 1, 'told once, and not when it was given'
  assert server.stop() == 0
  fails(server.cli('serve', '--public-url', 'bon.example', check=False), 'bon.example')


@test('with TLS a receipt has an address with https')
def _(z):
  if not shutil.which('openssl'):
    skip('needs openssl, to make a certificate')
  server = z.own()
  p = server.start().merchants[0].pair()
  assert server.stop() == 0
  cert, key = (os.path.join(server.home, name) for name in ('cert', 'key'))
  subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj',
    '/CN=localhost', '-out', cert, '-keyout', key], check=True, stderr=subprocess.DEVNULL)
  server.start('--tls-cert', cert, '--tls-key', key)
  trusting = ssl._create_unverified_context()
  ask = urllib.request.Request(f'https://127.0.0.1:{server.port}/v1/sales/s', method='PUT',
    data=json.dumps(sale(100)).encode(), headers={'Authorization': 'Bearer ' + p.till.key})
  with urllib.request.urlopen(ask, timeout=10, context=trusting) as answer:
    url = json.load(answer)['receipt']['url']
  assert url.startswith(f'https://127.0.0.1:{server.port}/r/'), url


@test('a second serve on the same folder says so and stops; the first serves on')
def _(z):
  server = z.own().start()
  fails(server.cli('serve', '--listen', '127.0.0.1:0', check=False), 'already', 'in use', 'another')
  assert server.client().ok('GET', '/health')['status'] == 'ok'
  assert server.stop() == 0
  server.start()
  assert server.client().ok('GET', '/health')['status'] == 'ok', 'and after it the next may'


@test('settings come from flags and from ZEGEL_ in the environment')
def _(z):
  server = z.own()
  done = subprocess.run([server.binary, 'verify'], env=dict(os.environ, ZEGEL_DATA=server.data),
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE, text=True, timeout=60)
  assert done.returncode == 0, done.stderr


@test('a key is made, works, is revoked on the running server within seconds')
def _(z):
  server = z.own().start()
  m = server.merchants[0]
  made = json.loads(server.cli('key', 'new', '--merchant', m.id, '--role', 'viewer', '--name',
    'Ann', '--json').stdout)
  ann = server.client(made['key'], 'Ann')
  eventually(lambda: ann.call('GET', '/v1/shops').status == 200, 'the new key works')
  ann.refused(403, 'forbidden', 'POST', '/v1/shops', {'name': 'x'})
  stream = ann.stream()
  listed = keys_of(server)
  row = next(k for k in listed if k.get('name') == 'Ann')
  assert made['key'] not in json.dumps(listed) and made['key'][-52:] not in json.dumps(listed), (
    'a list shows no secrets')
  server.cli('key', 'revoke', row['id'])
  eventually(lambda: ann.call('GET', '/v1/shops').status == 401, 'the revoked key is refused')
  assert m.admin.call('GET', '/v1/shops').status == 200, 'the others work on'
  fails(server.cli('key', 'revoke', row['id'], check=False))
  fails(server.cli('key', 'revoke', 'nonsense', check=False))
  assert stream.ended(20), 'an open stream of a revoked key is ended'
  stream.close()


@test('the lists say what each key is for, whose it is and where')
def _(z):
  server = z.own().start()
  m = server.merchants[0]
  made = server.new_merchant('Bakkerij "De Korenaar"')
  shop = m.shop('Café Veldstraat')
  till = m.device(shop, 'till')
  server.cli('key', 'new', '--merchant', made['merchant'], '--role', 'viewer', '--name', 'Ann')
  row = next(k for k in keys_of(server) if k.get('device') == till.id)
  assert (row['kind'], row['shop'], row['shop_name'], row['name'], row['merchant_name']) == (
    'till', shop, 'Café Veldstraat', 'till', 'My shop'), row
  server.cli('key', 'revoke', row['id'])
  head, *rows = server.cli('key', 'list').stdout.splitlines()

  def cells(text):
    """By the columns of the titles."""
    starts = [x.start() for x in re.finditer(r'(?<= )\S|^\S', head)]
    return [text[a:b].strip() for a, b in zip(starts, starts[1:] + [None])]
  rows = {cells(r)[0]: cells(r) for r in rows}
  assert rows[row['id']][1:6] == ['My shop', 'till', 'Café Veldstraat', 'till', till.id], rows
  assert rows[row['id']][7] == rows[row['id']][6] == day(), 'made and revoked today'
  ann = next(r for r in rows.values() if r[4] == 'Ann')
  assert ann[1:4] == ['Bakkerij "De Korenaar"', 'viewer', ''], ann
  only = server.cli('key', 'list', '--merchant', made['merchant']).stdout
  assert 'Ann' in only and 'My shop' not in only, only
  text = server.cli('merchant', 'list').stdout
  assert 'My shop' in text and 'Bakkerij "De Korenaar"' in text, text
  listed = [json.loads(r) for r in server.cli('merchant', 'list', '--json').stdout.splitlines()]
  assert {r['merchant']: r['name'] for r in listed} == {m.id: 'My shop',
    made['merchant']: 'Bakkerij "De Korenaar"'}, listed


@test('a key is rotated: the new one works, the old one does not')
def _(z):
  server = z.own().start()
  m = server.merchants[0]
  p = m.pair()
  row = next(k for k in keys_of(server) if k.get('device') == p.till.id)
  made = json.loads(server.cli('key', 'rotate', row['id'], '--json').stdout)
  fresh = server.client(made['key'])
  eventually(lambda: fresh.call('GET', '/v1/sales/none').status == 404, 'the new key works')
  eventually(lambda: p.till.call('GET', '/v1/sales/none').status == 401, 'the old key is refused')


@test('a merchant is added to the running server')
def _(z):
  server = z.own().start()
  made = server.new_merchant('Bakkerij De Korenaar')
  admin = server.client(made['admin_key'])
  eventually(lambda: admin.call('GET', '/v1/shops').status == 200, 'the new merchant works')
  assert made['merchant'] != server.merchants[0].id
  assert admin.ok('GET', '/v1/shops')['shops'] == []


class Load:
  """Threads that ring up sales until they are stopped or the server is gone; what was answered,
  with its bytes."""

  def __init__(self, till, threads=4):
    self.till, self.answered, self.faults = till, {}, []
    self.enough = threading.Event()
    self.stopping = threading.Event()
    self.threads = [threading.Thread(target=self.run, args=(n,), daemon=True)
      for n in range(threads)]
    for thread in self.threads:
      thread.start()

  def run(self, n):
    count = 0
    while not self.stopping.is_set():
      count += 1
      id, body = f'load-{n}-{count}', sale(100 * count,
        identifiers=[{'kind': 'loyalty_card', 'value': f'c{count % 7}'}])
      try:
        answer = self.till.call('PUT', f'/v1/sales/{id}', body)
      except Exception:
        return  # the connection was ended: nothing was promised
      if answer.status == 200:
        self.answered[id] = (body, answer.raw)
      elif answer.status != 503:
        self.faults.append(str(answer))
      if len(self.answered) >= 100:
        self.enough.set()

  def stop(self):
    self.stopping.set()
    for thread in self.threads:
      thread.join(30)
    assert not self.faults, self.faults[:3]
    return self.answered


@test('SIGTERM with requests under way: ends with 0, keeps every answer')
def _(z):
  server = z.own().start()
  m = server.merchants[0]
  p = m.pair()
  m.points('cents', per=1)
  streams = [c.stream() for c in (p.till, p.reader, m.admin)]
  load = Load(p.till, 6)
  assert load.enough.wait(30), 'the load runs'
  code = server.stop()
  assert code == 0, f'ended with {code}: {server.log()}'
  answered = load.stop()
  for stream in streams:
    assert stream.ended(), 'streams are ended'
    stream.close()
  server.start()
  for id, (body, raw) in answered.items():
    again = p.till.call('PUT', f'/v1/sales/{id}', body)
    assert again.raw == raw, f'{id}: {again}'
  server.verify()


@test('SIGTERM with nothing to do, with idle connections, and twice')
def _(z):
  server = z.own().start()
  idle = [socket.create_connection(('127.0.0.1', server.port)) for _ in range(20)]
  idle[0].sendall(b'GET /health HTTP/1.1\r\n')
  process = server.process
  process.terminate()
  process.terminate()
  assert server._ended(30) == 0, server.log()
  for s in idle:
    s.close()


@test('a backup while it serves; restored elsewhere it verifies and answers the same')
def _(z):
  server = z.own().start()
  m = server.merchants[0]
  p = m.pair()
  m.points('cents', per=1)
  before = {}
  for n in range(30):
    body = sale(100 + n, identifiers=[{'kind': 'loyalty_card', 'value': f'c{n % 5}'}])
    before[f'before-{n}'] = (body, p.till.sale(f'before-{n}', body).raw)
  load = Load(p.till)
  assert load.enough.wait(30), 'the load runs'
  file = os.path.join(server.home, 'backup')
  server.cli('backup', file)
  assert mode(file) & 0o077 == 0, oct(mode(file))
  load.stop()
  server.verify()
  assert os.path.getsize(file) > 1000
  fails(server.cli('backup', os.path.join(server.home, 'no', 'such', 'folder'), check=False))
  fails(server.cli('restore', file, check=False), 'exists', 'already', 'serve', 'in use')
  copy = Server()
  copy.cli('restore', file)
  copy.verify()
  copy.start()
  till = copy.client(p.till.key)
  for id, (body, raw) in before.items():
    assert till.call('PUT', f'/v1/sales/{id}', body).raw == raw, id
  assert copy.client(m.admin.key).ok('GET', '/v1/shops')['shops']
  till.ok('PUT', '/v1/sales/new', sale(100))
  assert copy.stop() == 0
  copy.verify()
  broken = os.path.join(server.home, 'broken')
  with open(file, 'rb') as a, open(broken, 'wb') as b:
    b.write(a.read()[:-1000])
  other = Server()
  done = other.cli('restore', broken, check=False)
  if done.returncode == 0:
    fails(other.cli('verify', check=False))


@test('verify proves a store that serves, and says what it saw')
def _(z):
  server = z.own().start()
  p = server.merchants[0].pair()
  server.merchants[0].points('cents', per=1)
  load = Load(p.till, 2)
  assert load.enough.wait(30), 'the load runs'
  done = server.verify()
  load.stop()
  assert any(c.isdigit() for c in done.stdout), done.stdout
  assert server.alive()


@test('the log names no person and no key')
def _(z):
  server = z.own().start()
  p = server.merchants[0].pair()
  server.merchants[0].mug(joining='auto')
  p.reader.touch('tap', ('loyalty_card', 'LOYAL-4711'), ('email', 'iemand@example.org'))
  p.till.call('PUT', '/v1/sales/x', {'state': 'paid', 'identifiers': 'LOYAL-4711'})
  p.till.call('PUT', '/v1/sales/x', raw=b'{"number": "LOYAL-4711"')
  server.client('zk_wrong').call('GET', '/v1/shops')
  assert server.stop() == 0
  log = server.log(10 ** 6)
  for word in ('LOYAL-4711', 'iemand', p.till.key, p.till.key[-20:], 'zk_wrong'):
    assert word not in log, f'{word}: {log}'


main()
