# SPDX-License-Identifier: Apache-2.0
"""`zegel replay`: a file of invoices through the contract, against the rules worked out here on their own."""
import csv
import decimal
import io
import json
import lzma
import math
import os
import shutil
import signal
import subprocess
import tempfile

import make_retail
from zegel import *

REAL = os.path.join(ROOT, '..', 'shared', 'data', 'uci_online_retail.csv.xz')
OF_REAL = {'sales': 19959, 'sales_anonymous': 1427, 'sales_empty': 2102, 'adjustments': 3, 'lines': 530099,
  'lines_refused': 2519, 'total_minor': 1065562248, 'members': 4338, 'returns_posted': 3848, 'return_quantity': 250838,
  'return_quantity_unmatched': 26736, 'returned_minor': 51617035, 'points': 8386540, 'stamps': 18144}
SEED = int(os.environ.get('ZEGEL_SEED', '20261121'))


# ---- the rules, once more

class Sale:
  def __init__(self, customer, total):
    self.customer, self.remains = customer, total


class Rules:
  """What a file comes to. Written from the issue alone."""

  def __init__(self, data):
    self.total = dict.fromkeys(OF_REAL, 0)
    self.sales, self.pieces = [], {}  # (customer, stock code): [[sale, left, price], ...], the latest last
    for number, rows in self.invoices(data).items():
      if number.startswith('A'):
        self.total['adjustments'] += 1
      elif number.startswith('C'):
        self.take_back(rows)
      else:
        self.sell(rows)
    known = [sale for sale in self.sales if sale.customer]
    self.total['members'] = len({sale.customer for sale in known})
    self.total['points'] = sum(sale.remains // 100 for sale in known)
    self.total['stamps'] = sum(sale.remains >= 1000 for sale in known)

  @staticmethod
  def invoices(data):
    found = {}
    for row in csv.DictReader(io.StringIO(data.decode('latin-1'), newline='')):
      found.setdefault(row['InvoiceNo'], []).append(row)
    return found

  @staticmethod
  def pence(text):
    return math.floor(decimal.Decimal(text) * 100 + decimal.Decimal('0.5'))

  def sell(self, rows):
    lines = [(row['StockCode'], int(row['Quantity']), self.pence(row['UnitPrice'])) for row in rows]
    good = [line for line in lines if line[1] > 0 and line[2] > 0]
    self.total['lines_refused'] += len(lines) - len(good)
    if not good:
      self.total['sales_empty'] += 1
      return
    sale = Sale(rows[0]['CustomerID'], sum(quantity * price for _, quantity, price in good))
    self.sales.append(sale)
    self.total['sales'] += 1
    self.total['sales_anonymous'] += not sale.customer
    self.total['lines'] += len(good)
    self.total['total_minor'] += sale.remains
    for stock, quantity, price in good:
      self.pieces.setdefault((sale.customer, stock), []).append([sale, quantity, price])

  def take_back(self, rows):
    touched = set()
    for row in rows:
      customer, wanted = row['CustomerID'], max(0, -int(row['Quantity']))
      pile = self.pieces.get((customer, row['StockCode']), []) if customer else []
      while wanted and pile:
        sale, left, price = pile[-1]
        taken = min(wanted, left)
        wanted -= taken
        pile[-1][1] -= taken
        if left == taken:
          pile.pop()
        sale.remains -= taken * price
        touched.add(sale)
        self.total['return_quantity'] += taken
        self.total['returned_minor'] += taken * price
      self.total['return_quantity_unmatched'] += wanted
    self.total['returns_posted'] += len(touched)


# ---- running it

class File:
  """A file of the test's own, gone when it ends."""

  def __init__(self, data, suffix='.csv'):
    handle, self.path = tempfile.mkstemp(suffix=suffix)
    os.write(handle, data)
    os.close(handle)

  def __enter__(self):
    return self.path

  def __exit__(self, *_):
    os.unlink(self.path)


def command(path, *more):
  return [options().zegel, 'replay', path, *more]


def replay(path, *more, stdin=subprocess.DEVNULL, timeout=600):
  done = subprocess.run(command(path, *more), stdin=stdin, capture_output=True, text=True, timeout=timeout)
  assert done.returncode == 0, f'zegel replay ended with {done.returncode}: {done.stderr}'
  assert done.stderr == '', f'it said: {done.stderr}'
  return json.loads(done.stdout)


def fails(code, says, path, *more):
  done = subprocess.run(command(path, *more), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
  assert done.returncode == code, f'ended with {done.returncode}, not {code}: {done.stdout}{done.stderr}'
  assert says in done.stderr and done.stderr.startswith('zegel replay: '), f'said {done.stderr!r}, not {says!r}'
  assert done.stdout == '', done.stdout


def at(z):
  """The flags for a server of the file, with a merchant of this test alone."""
  m = z.merchant()
  return m, ['--server', f'http://127.0.0.1:{z.server.port}', '--key', m.admin.key]


def same(found, expected):
  wrong = {name: (found.get(name), value) for name, value in expected.items() if found.get(name) != value}
  assert not wrong, f'found, expected: {wrong}'


def rows(*lines):
  return '\n'.join([make_retail.COLUMNS, *lines]).encode() + b'\n'


# ---- what it comes to

@test('every rule on a handful of lines')
def _(z):
  data = rows('1,A,LAMP,10,2010-12-01 08:26:00,2.55,17850,UK',  # 25.50
    '1,A,LAMP,1,2010-12-01 08:26:00,1.005,17850,UK',            # 1.01, half up
    '1,B,CUP,1,2010-12-01 08:26:00,0.004,17850,UK',             # refused: nothing
    '2,A,LAMP,5,2010-12-01 09:00:00,3.00,17850,UK',             # 15.00
    '3,A,LAMP,-5,2010-12-01 09:00:00,3.00,,UK',                 # empty
    '4,A,LAMP,1,2010-12-01 09:00:00,9.99,,UK',                  # anonymous
    'A5,B,Adjust bad debt,1,2010-12-01 09:00:00,-7.00,,UK',
    'C6,A,LAMP,-7,2010-12-02 09:00:00,9.00,17850,UK',           # 5 of 2; then 1 and 1 of 1, from its last line
    'C7,A,LAMP,-2,2010-12-02 09:00:00,9.00,,UK',                # of nobody
    'C8,Z,LAMP,-2,2010-12-02 09:00:00,9.00,17850,UK')           # never bought
  with File(data) as path:
    found = replay(path)
  same(found, {'sales': 3, 'sales_anonymous': 1, 'sales_empty': 1, 'adjustments': 1, 'lines': 4, 'lines_refused': 2,
    'total_minor': 2651 + 1500 + 999, 'members': 1, 'returns_posted': 2, 'return_quantity': 7,
    'return_quantity_unmatched': 4, 'returned_minor': 1500 + 101 + 255, 'points': 22, 'stamps': 1, 'verified': True})
  same(Rules(data).total, {name: found[name] for name in OF_REAL})


@test('a made-up file comes to what the rules say, and the ledger proves itself')
def _(z):
  for seed in (SEED, SEED + 1):
    data = make_retail.make(4000, seed)
    with File(data) as path:
      found = replay(path, '--connections', '64')
    same(found, dict(Rules(data).total, verified=True))
    assert found['seconds'] > 0 and 0 < found['p50_ms'] <= found['p99_ms'], found
    for name in ('sales_anonymous', 'sales_empty', 'adjustments', 'return_quantity', 'return_quantity_unmatched'):
      assert found[name] > 0, f'the generator makes no {name}'


@test('the same file again to the same server gets the same answers')
def _(z):
  data = make_retail.make(3000, SEED + 2)
  m, server = at(z)
  with File(data) as path:
    once = replay(path, *server)
    again = replay(path, *server, '--connections', '3')
  same(once, dict(Rules(data).total, verified=None))
  same(again, dict(Rules(data).total, verified=None))
  assert len(m.admin.ok('GET', '/v1/shops')['shops']) == 1, 'one shop, made once'
  assert z.server.verify().returncode == 0


@test('what the server says is what is there: a member, its sales and its history')
def _(z):
  data = rows('1,A,LAMP,10,2010-12-01 08:26:00,2.55,17850,UK', '2,A,LAMP,4,2010-12-01 08:27:00,5.00,17850,UK',
    'C3,A,LAMP,-3,2010-12-02 08:27:00,5.00,17850,UK')
  m, server = at(z)
  with File(data) as path:
    found = replay(path, *server)
  same(found, {'points': 30, 'stamps': 1, 'returned_minor': 1500})
  member = m.admin.ok('POST', '/v1/members/search', {'identifier': {'kind': 'loyalty_card', 'value': '17850'}})['member']
  assert points_of(m.admin, member['id'], 'points')['balance'] == 30
  assert m.admin.ok('GET', '/v1/sales/replay-1')['state'] == 'paid'
  assert m.admin.ok('GET', '/v1/sales/replay-2')['state'] == 'partly_returned'


@test('programmes that are there stay as they are')
def _(z):
  m, server = at(z)
  m.points(per=1000, starts='2000-01-01')
  with File(rows('1,A,LAMP,10,2010-12-01 08:26:00,2.55,17850,UK')) as path:
    same(replay(path, *server), {'points': 2, 'stamps': 1})


# ---- ways in

@test('standard input and xz are read too')
def _(z):
  data = make_retail.make(300, SEED + 3)
  expected = Rules(data).total
  _, server = at(z)
  with File(data) as path, open(path, 'rb') as stdin:
    same(replay('-', *server, stdin=stdin), expected)
  if not shutil.which('xz'):
    skip('xz is not installed')
  with File(lzma.compress(data), '.csv.xz') as path:
    same(replay(path, *server), expected)


@test('a byte-order mark, columns in another order, times without seconds, no last line end')
def _(z):
  data = '\ufeffCustomerID,UnitPrice,InvoiceDate,Quantity,Description,StockCode,InvoiceNo\n' \
    '17850,2.55,2010-12-01 08:26,10,LAMP,A,1'
  with File(data.encode()) as path:
    same(replay(path, *at(z)[1]), {'sales': 1, 'total_minor': 2550, 'members': 1})


@test('a file of no invoices comes to nothing')
def _(z):
  with File(rows()) as path:
    same(replay(path, *at(z)[1]), dict.fromkeys(OF_REAL, 0))


@test('a rate holds')
def _(z):
  data = rows(*(f'{n},A,LAMP,1,2010-12-01 08:26:00,2.55,{n % 7},UK' for n in range(1, 42)))
  with File(data) as path:
    found = replay(path, *at(z)[1], '--rate', '50')
  same(found, {'sales': 41})
  assert 0.79 <= found['seconds'] <= 3, f'41 invoices at 50/s took {found["seconds"]} s'


# ---- what goes wrong

@test('mistakes are named, with what to do')
def _(z):
  _, server = at(z)
  good = '1,A,LAMP,1,2010-12-01 08:26:00,2.55,17850,UK'
  for says, data in {
      'Quantity must be a whole number (line 3)': rows(good, '1,A,LAMP,1.5,2010-12-01 08:26:00,2.55,17850,UK'),
      'UnitPrice must be a decimal number like 2.55 (line 2)': rows('1,A,LAMP,1,2010-12-01 08:26:00,2;55,17850,UK'),
      'InvoiceDate must be like 2010-12-01 08:26:00 (line 2)': rows('1,A,LAMP,1,1/12/2010 8:26,2.55,17850,UK'),
      'InvoiceNo is empty (line 2)': rows(',A,LAMP,1,2010-12-01 08:26:00,2.55,17850,UK'),
      'CustomerID is missing here (line 2)': rows('1,A,LAMP,1,2010-12-01 08:26:00,2.55'),
      'invoice 1 is over the limit of an amount': rows('1,A,LAMP,90000000,2010-12-01 08:26:00,99999.00,,UK'),
      'StockCode is not among the columns': b'InvoiceNo,Description\n1,LAMP\n',
      'the file is empty': b''}.items():
    with File(data) as path:
      fails(1, says, path, *server)
  with File(rows(good)) as path:
    fails(1, 'the server did not answer', path, '--server', 'http://127.0.0.1:1', '--key', 'zk_x')
    fails(1, 'must be an admin key', path, *server[:3], 'zk_x')
    fails(1, 'not "ftp://x"', path, '--server', 'ftp://x', '--key', 'zk_x')
    fails(2, '--server needs --key', path, *server[:2])
    fails(2, '--connections', path, *server, '--connections', '0')
  with File(b'no xz at all', '.csv.xz') as path:
    done = subprocess.run(command(path, *server), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and ('could not unpack' in done.stderr or 'not installed' in done.stderr), done.stderr
  fails(1, 'No such file', '/nowhere/retail.csv', *server)
  fails(2, 'one too many', '-', 'another')


@test('an invoice that says something else than before stops the replay')
def _(z):
  _, server = at(z)
  with File(rows('1,A,LAMP,1,2010-12-01 08:26:00,2.55,17850,UK')) as path:
    replay(path, *server)
  with File(rows('1,A,LAMP,2,2010-12-01 08:26:00,2.55,17850,UK')) as path:
    fails(1, 'refused invoice 1 with 409', path, *server)


@test('a server that is killed and comes back costs time, not totals')
def _(z):
  data = make_retail.make(3000, SEED + 4)
  own = z.own().start()
  admin = own.merchants[0].admin
  flags = ['--server', f'http://127.0.0.1:{own.port}', '--key', admin.key, '--rate', '150']
  with File(data) as path:
    running = subprocess.Popen(command(path, *flags), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    eventually(lambda: admin.call('GET', '/v1/programmes/stamps').status == 200, 'the set-up is over', 30)
    own.kill()
    own.start(listen=f'127.0.0.1:{own.port}')
    out, err = running.communicate(timeout=120)
  assert running.returncode == 0, err
  same(json.loads(out), Rules(data).total)
  assert own.verify().returncode == 0


@test('a server that says 503 is asked again')
def _(z):
  data = make_retail.make(400, SEED + 5)
  own = z.own().start('--queue-max', '2')
  server = ['--server', f'http://127.0.0.1:{own.port}', '--key', own.merchants[0].admin.key]
  with File(data) as path:
    same(replay(path, *server, '--connections', '16'), Rules(data).total)


def _lives(group):
  try:
    os.killpg(group, 0)
    return True
  except ProcessLookupError:
    return False


def _size(path):
  """0 while it is not there: `init` closes the store before `serve` opens it again."""
  try:
    return os.path.getsize(path)
  except FileNotFoundError:
    return 0


def _end_by(sig):
  """Starts a slow replay with a temporary folder of its own, ends it by a signal, gives its exit code."""
  data = rows(*(f'{n},A,LAMP,1,2010-12-01 08:26:00,2.55,{n},UK' for n in range(1, 2000)))
  home = tempfile.mkdtemp()
  try:
    with File(data) as path:
      running = subprocess.Popen(command(path, '--rate', '20'), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=dict(os.environ, TMPDIR=home), start_new_session=True)
      store = eventually(lambda: next((os.path.join(home, d, 'data', 'zegel.db-wal') for d in os.listdir(home)
        if os.path.exists(os.path.join(home, d, 'data', 'zegel.db-wal'))), None), 'a server in a temporary folder', 30)
      assert eventually(lambda: _size(store) > 100000, 'some sales', 30)
      running.send_signal(sig)
      running.communicate(timeout=60)
      left = os.listdir(home)
      eventually(lambda: not _lives(running.pid), 'its server ends too', 30)
      return running.returncode, left
  finally:
    shutil.rmtree(home, ignore_errors=True)


@test('Ctrl-C, SIGTERM and a hang-up leave nothing behind')
def _(z):
  for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    code, left = _end_by(sig)
    assert code == -sig, f'{sig} ended it with {code}'
    assert left == [], f'{sig} left {left}'


@test('kill -9 leaves no server behind')
def _(z):
  code, _ = _end_by(signal.SIGKILL)
  assert code == -signal.SIGKILL


# ---- the real one

@test('a year of a real shop')
def _(z):
  if not os.path.exists(REAL):
    skip(f'{os.path.relpath(REAL, ROOT)} is not there (UCI Online Retail, CC BY 4.0)')
  found = replay(REAL)
  same(found, dict(OF_REAL, verified=True))
  note(f'{found["sales_per_s"]} sales/s, p50 {found["p50_ms"]} ms, p99 {found["p99_ms"]} ms')


main()
