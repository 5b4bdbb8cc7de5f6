# SPDX-License-Identifier: Apache-2.0
"""`zegel verify` on copies of a store that somebody tampered with: it names the invariant and ends
with 1."""
import os
import shutil
import sqlite3

import database
from zegel import *

CUSTOMERS = 3


class Base:
  """A stopped server with members, returns, debts, rewards in every state, a hold; made once."""
  server = None

  @classmethod
  def get(cls, z):
    if cls.server is None:
      server = z.own().start()
      m = server.merchants[0]
      p = m.pair()
      m.mug(needed=2, joining='auto')
      m.points('cents', per=1)
      m.points('lots', per=10, expires_days=30)
      r = seeded('verify')
      for n in range(40):
        who = [{'kind': 'loyalty_card', 'value': f'c{n % CUSTOMERS}'}]
        a = p.till.sale(f'sale-{n}', sale(r.randint(1000, 3000), r.randint(1, 500),
          identifiers=who))
        for e in effects(a, 'offer'):
          act = r.choice(('', 'hold', 'give', 'give', 'release', 'reverse'))
          way = {'': (), 'hold': ('hold',), 'give': ('hold', 'give'),
            'release': ('hold', 'release'), 'reverse': ('hold', 'give', 'reverse')}
          for step in way[act]:
            p.till.call('POST', f'/v1/rewards/{e["reward"]}/{step}', {'id': f'{n}-{step}'})
        if n % 4 == 3:
          p.till.returns(f'sale-{n}', 'r', ('2', '1'))
        if n % 7 == 6 and n % 4 != 3:
          p.till.sale(f'sale-{n}', {'state': 'void'})
      for n in range(2):  # and one that is held now
        a = p.till.sale(f'held-{n}',
          sale(1000, identifiers=[{'kind': 'loyalty_card', 'value': 'held'}]))
      p.till.reward(effects(a, 'offer')[0]['reward'], 'hold', 'held')
      assert server.stop() == 0
      server.verify()
      if server.url:
        database.keep(server.url)
      cls.server = server
    return cls.server

  @classmethod
  def copy(cls, z):
    """What it is to be tampered with; on PostgreSQL it is the same one, as it was."""
    base = cls.get(z)
    if base.url:
      database.put_back(base.url)
      return base
    copy = Server()
    shutil.copytree(base.data, copy.data)
    return copy

  @classmethod
  def done(cls, copy):
    if copy is not cls.server:
      copy.remove()


def connect(server):
  """The store, to tamper with it."""
  return database.Connection(server.url) if server.url else sqlite3.connect(file_of(server.data))


def columns_of(db, table):
  if isinstance(db, sqlite3.Connection):
    return [row[1] for row in db.execute(f'PRAGMA table_info({table})')]
  return [row[0] for row in db.execute(
    "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' "
    'AND table_name = ?', (table,))]


def file_of(folder):
  for name in sorted(os.listdir(folder)):
    path = os.path.join(folder, name)
    if os.path.isfile(path):
      with open(path, 'rb') as file:
        if file.read(16) == b'SQLite format 3\0':
          return path
  raise AssertionError(f'no SQLite file in {os.listdir(folder)}')


def some_account(db, most='entries'):
  """(bucket, member, programme) of the account with the most entries."""
  return db.execute('SELECT bucket, member, programme FROM accounts WHERE lasting > 10 '
    f'ORDER BY {most} DESC LIMIT 1').fetchone()


OF = 'bucket = ? AND member = ? AND programme = ?'


def versions(db, account):
  return [row[0] for row in db.execute(f'SELECT version FROM entries WHERE {OF} ORDER BY version',
    account)]


def swap(db, account, a, b):
  """Swaps two entries of an account: each keeps its place, with the other's content."""
  keys = ('bucket', 'member', 'programme', 'version', 'posted_at')
  content = [c for c in columns_of(db, 'entries') if c not in keys]
  rows = {v: db.execute(f'SELECT {", ".join(content)} FROM entries WHERE {OF} AND version = ?',
    (*account, v)).fetchone() for v in (a, b)}
  for v, other in ((a, b), (b, a)):
    sets = ', '.join(c + ' = ?' for c in content)
    db.execute(f'UPDATE entries SET {sets} WHERE {OF} AND version = ?', (*rows[other], *account, v))


def caught(z, tamper, *names):
  """Tampers with a copy; verify must end with 1 and name one of the invariants."""
  copy = Base.copy(z)
  db = connect(copy)
  tamper(db)
  assert db.total_changes > 0, 'the tampering changed nothing'
  db.commit()
  if not copy.url:
    db.execute('PRAGMA wal_checkpoint(TRUNCATE)')
  db.close()
  done = copy.verify(check=False)
  said = done.stdout + done.stderr
  assert done.returncode == 1, f'ended with {done.returncode}: {said}'
  assert any(name in said for name in names), f'expected one of {names}: {said}'
  Base.done(copy)


@test('an honest copy passes, also with a server that was killed')
def _(z):
  copy = Base.copy(z)
  assert copy.verify().returncode == 0
  copy.start()
  copy.kill()
  assert copy.verify().returncode == 0
  Base.done(copy)


@test('a changed balance')
def _(z):
  caught(z, lambda db: db.execute(f'UPDATE accounts SET balance = balance + 1 WHERE {OF}',
    some_account(db)), 'L2')


@test('a changed balance with the rest of its row to match')
def _(z):
  caught(z, lambda db: db.execute(
    f'UPDATE accounts SET balance = balance + 1, lasting = lasting + 1 WHERE {OF}',
    some_account(db)), 'L2')


@test('a debt that was struck out, a debt that was made up')
def _(z):
  caught(z, lambda db: db.execute(f'UPDATE accounts SET debt = debt + 5 WHERE {OF}',
    some_account(db)), 'L2', 'L9')


@test('the newest entry dropped')
def _(z):
  def tamper(db):
    account = some_account(db)
    db.execute(f'DELETE FROM entries WHERE {OF} AND version = ?',
      (*account, versions(db, account)[-1]))
  caught(z, tamper, 'L8', 'L2')


@test('the newest entry, which earned, dropped and the balance row put back to match')
def _(z):
  def tamper(db):
    account = db.execute(
      'SELECT a.bucket, a.member, a.programme FROM accounts a '
      'JOIN entries e USING (bucket, member, programme) WHERE e.version = a.entries AND e.kind = 1 '
      'AND a.lasting > e.amount AND a.entries > 2 LIMIT 1').fetchone()
    last, before = versions(db, account)[-1], versions(db, account)[-2]
    db.execute(f'DELETE FROM entries WHERE {OF} AND version = ?', (*account, last))
    row = db.execute('SELECT version, balance, held, debt, posted_at, hash FROM entries '
      f'WHERE {OF} AND version = ?', (*account, before)).fetchone()
    db.execute('UPDATE accounts SET entries = ?, balance = ?, lasting = ?, held = ?, debt = ?, '
      f'last_at = ?, head = ? WHERE {OF}',
      (row[0], row[1], *row[1:], *account))
  caught(z, tamper, 'L2', 'L4', 'L5', 'L7', 'L8', 'L9')


@test('an entry in the middle dropped')
def _(z):
  def tamper(db):
    account = some_account(db)
    between = versions(db, account)
    db.execute(f'DELETE FROM entries WHERE {OF} AND version = ?',
      (*account, between[len(between) // 2]))
  caught(z, tamper, 'L8')


@test('two entries swapped')
def _(z):
  def tamper(db):
    account = some_account(db)
    all_ = versions(db, account)
    swap(db, account, all_[2], all_[3])
  caught(z, tamper, 'L8')


@test('an amount changed in an entry, and the balances after it with it')
def _(z):
  def tamper(db):
    account = some_account(db)
    v = versions(db, account)[1]
    db.execute(f'UPDATE entries SET amount = amount + 7, moved = moved + 7 WHERE {OF} '
      'AND version = ?', (*account, v))
    db.execute(f'UPDATE entries SET balance = balance + 7 WHERE {OF} AND version >= ?',
      (*account, v))
    db.execute(f'UPDATE accounts SET balance = balance + 7, lasting = lasting + 7 WHERE {OF}',
      account)
  caught(z, tamper, 'L8')


@test('a forged head')
def _(z):
  def tamper(db):
    account = some_account(db)
    length = db.execute(f'SELECT length(head) FROM accounts WHERE {OF}', account).fetchone()[0]
    db.execute(f'UPDATE accounts SET head = ? WHERE {OF}', (bytes(int(length)), *account))
  caught(z, tamper, 'L8')


@test('a forged count')
def _(z):
  caught(z, lambda db: db.execute(f'UPDATE accounts SET entries = entries + 1 WHERE {OF}',
    some_account(db)), 'L8', 'L2')


@test('an account dropped')
def _(z):
  caught(z, lambda db: db.execute(f'DELETE FROM accounts WHERE {OF}', some_account(db)), 'L2', 'L8',
    'L9')


@test('points of one member moved to another')
def _(z):
  def tamper(db):
    rows = db.execute('SELECT bucket, member, programme FROM accounts '
      'ORDER BY programme, balance DESC LIMIT 2').fetchall()
    for sign, account in zip((-1, 1), rows):
      db.execute(f'UPDATE accounts SET balance = balance + ?, lasting = lasting + ? WHERE {OF}',
        (sign, sign, *account))
  caught(z, tamper, 'L2')


@test('a hold that was struck out, and one that was made smaller')
def _(z):
  caught(z, lambda db: db.execute('DELETE FROM holds WHERE state = 1'), 'L5', 'L9')
  caught(z, lambda db: db.execute('UPDATE holds SET amount = amount - 1 WHERE state = 1'), 'L5',
    'L9')
  caught(z, lambda db: db.execute(
    'UPDATE holds SET state = 2, ended_at = made_at + 1 WHERE state = 1'), 'L5', 'L9')


@test('a lot that grew, one that lives longer, one that is gone')
def _(z):
  caught(z, lambda db: db.execute('UPDATE lots SET remaining = remaining + 1 WHERE remaining > 0'),
    'L4', 'L9')
  caught(z, lambda db: db.execute(
    'UPDATE lots SET expires_at = expires_at + 86400000000 WHERE remaining > 0'), 'L4', 'L9')
  caught(z, lambda db: db.execute('DELETE FROM lots WHERE remaining > 0'), 'L4', 'L9')


@test('a balance below zero where it may not be')
def _(z):
  caught(z, lambda db: db.execute(f'UPDATE accounts SET balance = -1, lasting = -1 WHERE {OF}',
    some_account(db)), 'L2', 'L3')


@test('the answer of a sale changed, its claim dropped')
def _(z):
  caught(z, lambda db: db.execute(
    'UPDATE sales SET answer = ? WHERE sale = (SELECT min(sale) FROM sales)', (bytes(1),)), 'L6')
  caught(z, lambda db: db.execute('DELETE FROM claims WHERE home = (SELECT min(sale) FROM sales)'),
    'L6')


@test('more came back than was sold')
def _(z):
  caught(z, lambda db: db.execute(
    'UPDATE sales SET returned = total + 1 '
    'WHERE sale = (SELECT min(sale) FROM sales WHERE returns > 0)'), 'L7')
  caught(z, lambda db: db.execute(
    'DELETE FROM returns WHERE sale = (SELECT min(sale) FROM sales WHERE returns > 0)'), 'L7')


@test('a page of the file overwritten, of what the proof reads')
def _(z):
  if options().store == 'postgresql':
    skip('its files are not ours')
  copy = Base.copy(z)
  path = file_of(copy.data)
  db = sqlite3.connect(path)
  page, = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'entries'").fetchone()
  db.close()
  with open(path, 'r+b') as file:
    file.seek((page - 1) * 8192)
    file.write(bytes(8192))
  done = copy.verify(check=False)
  assert done.returncode > 0 and (done.stdout + done.stderr).strip(), (
    'it does not pass, and it does not crash')
  Base.done(copy)


main()
