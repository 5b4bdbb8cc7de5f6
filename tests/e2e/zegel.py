# SPDX-License-Identifier: Apache-2.0
"""What a test file imports: values, factories, and the rest of the support.

  from zegel import *

  @test('a paid sale is answered')
  def _(z):
    m = z.merchant()              # a merchant of this test alone, with its admin key
    p = m.pair()                  # a shop, a till and the reader paired with it
    m.mug()                       # a stamp programme that asks to join
    p.till.ok('PUT', '/v1/sales/1', sale(1200))

  main()

`z.server` is one server for the whole file; tests that stop or tamper make their own with z.own().
Nothing sleeps to synchronise: eventually() polls a condition, streams and sockets have deadlines.
All randomness comes from one seed (ZEGEL_SEED, printed), ids are counted. Every answer is held
against the OpenAPI document (document.py); the last test of each file says whether they agreed. """
import datetime
import json
import sys
import urllib.parse

import database
import tap
from client import Answer, Client, Closed, Refused, Stream, now, quote
from document import document
from server import Server
from tap import DEADLINE, ROOT, eventually, note, options, parallel, seeded, skip, test, together

__all__ = ['test', 'main', 'skip', 'note', 'options', 'eventually', 'parallel', 'together',
  'seeded', 'document',
  'page_of', 'Server', 'Client', 'Stream', 'Answer', 'Closed', 'Refused', 'quote', 'now', 'stamp', 'day',
  'line', 'sale', 'effects',
  'kinds', 'step_ids', 'points_of', 'spaced', 'ROOT', 'DEADLINE', 'UTC']

UTC = datetime.timezone.utc


def stamp(when):
  text = when.isoformat(timespec='seconds')
  return text.replace('+00:00', 'Z')


def day(days=0):
  """Today in Brussels (near enough: in UTC), plus so many days: "2026-11-21"."""
  return (datetime.datetime.now(UTC) + datetime.timedelta(days=days)).date().isoformat()


def line(id, amount, quantity='1', **more):
  return dict({'id': str(id), 'description': f'Article {id}', 'quantity': quantity,
    'unit_price': amount,
    'amount': amount, 'vat_rate': '21'}, **more)


def sale(*amounts, state='paid', **more):
  """A sale body: each amount is a line (or give a line()), ids "1", "2", ..."""
  lines = [a if isinstance(a, dict) else line(n + 1, a) for n, a in enumerate(amounts)]
  body = {'state': state, 'number': 'R-1', 'at': now(), 'currency': 'EUR', 'lines': lines,
    'total': sum(l['amount'] for l in lines)}
  body.update(more)
  return body


def effects(answer, kind=None, programme=None):
  """The effects of an answer, of one type, of one programme."""
  return [e for e in answer['effects'] if (kind is None or e['type'] == kind)
    and (programme is None or e.get('programme') == programme)]


def kinds(answer):
  return [e['type'] for e in answer['effects'] if e['type'] != 'print']


def step_ids(answer):
  return [s['id'] for s in answer['steps']]


def page_of(answer):
  """The path of a sale's receipt."""
  return urllib.parse.urlsplit(answer['receipt']['url']).path


def spaced(value):
  """The same JSON as another client would write it: keys turned round, white space, escapes."""
  def turn(v):
    if isinstance(v, dict):
      return {k: turn(v[k]) for k in reversed(list(v))}
    return [turn(x) for x in v] if isinstance(v, list) else v
  return json.dumps(turn(value), indent=3, ensure_ascii=True).encode()


def points_of(client, member, code):
  """The enrolment of a member in a programme, with its account; None if there is none."""
  return next((e for e in client.member(member)['enrolments'] if e['programme'] == code), None)


# ---- factories

class Pair:
  """A shop with a till and the reader paired with it."""

  def __init__(self, m, shop, till, reader):
    self.m, self.shop, self.till, self.reader = m, shop, till, reader


class Merchant:
  def __init__(self, server, id, admin_key):
    self.server, self.id = server, id
    self.admin = server.client(admin_key, 'the office')
    self.count = 0

  def fresh(self, prefix):
    """An id nobody used yet: "prefix-1", ..."""
    self.count += 1
    return f'{prefix}-{self.count}'

  def shop(self, name=None):
    return self.admin.ok('POST', '/v1/shops', {'id': self.fresh('shop'), 'name': name
      or 'Veldstraat'})['id']

  def device(self, shop, kind, paired_with=None):
    body = {'id': self.fresh(kind), 'shop': shop, 'kind': kind, 'name': kind}
    if paired_with:
      body['paired_with'] = paired_with
    made = self.admin.ok('POST', '/v1/devices', body)
    client = self.server.client(made['key'], 'the ' + kind)
    client.id = made['id']
    return client

  def pair(self, shop=None):
    shop = shop or self.shop()
    till = self.device(shop, 'till')
    return Pair(self, shop, till, self.device(shop, 'reader', till.id))

  def programme(self, code, template, joining='auto', state='running', starts='2020-01-01',
      name=None, **more):
    """more: ends, shops, arms; the rest are parameters."""
    body = {'template': template, 'name': name or {'nl': f'Actie {code}'}, 'starts': starts,
      'joining': joining,
      'state': state}
    for field in ('ends', 'shops', 'arms'):
      if field in more:
        body[field] = more.pop(field)
    if 'arms' not in body or more:
      body['parameters'] = more
    return self.admin.ok('PUT', f'/v1/programmes/{quote(code)}', body)

  def mug(self, needed=3, **more):
    """The campaign of the story: a stamp for each sale of 10 euro or more, a mug for three."""
    return self.programme('mug', 'stamps',
      **dict({'joining': 'ask', 'name': {'nl': 'Mokkenactie', 'en': 'Mug campaign'},
      'minimum': 1000, 'needed': needed, 'reward': {'code': 'mok', 'name': {'nl': 'Een gratis mok',
      'en': 'A free mug'}}},
      **more))

  def points(self, code='points', per=100, **more):
    return self.programme(code, 'points', per=per, **more)


class World:
  """What a test gets: one server for the file, a merchant of its own for each test."""

  def __init__(self, count):
    self._count, self._server = count, None

  @property
  def server(self):
    if self._server is None:
      self._server = Server().init(self._count).start()
    elif not self._server.alive():
      note(f'the server had ended: {self._server.log()}')
      self._server.kill()
      self._server.start()
    return self._server

  def merchant(self):
    return self.server.merchants.pop()

  def own(self, merchants=1, store=None):
    """A server of this test alone, not started."""
    return Server(store=store).init(merchants)


Server.merchant_type = Merchant


def _agrees(_):
  breaches = document().breaches
  assert not breaches, f'{len(breaches)} differences:\n' + '\n'.join(sorted(breaches))


def _explain():
  for server in Server.running:
    if not server.alive():
      note(f'a server ended with {server.process.returncode}: {server.log()}')


def main():
  """Runs the tests of the file and ends the program."""
  if options().store == 'postgresql' and database.absent():
    print(f'1..0 # SKIP {database.absent()}')
    sys.exit(0)
  # a merchant or two for each test, and the one of init
  tap.main(lambda count: World(2 * count + 1), _explain, ('the answers are what openapi.json says',
    _agrees))
