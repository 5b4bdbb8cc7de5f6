# SPDX-License-Identifier: Apache-2.0
"""Two merchants on one server: every call of the document with the other's keys and ids gives 404
or 403, or something of one's own, and changes nothing of the other's."""
import re

from zegel import *

SAME = [{'kind': 'loyalty_card', 'value': 'c1'}, {'kind': 'card', 'value': 'tok-1'}]


class Side:
  """A merchant with one of everything."""

  def __init__(self, m):
    self.m, self.p = m, m.pair()
    m.mug(needed=2, joining='auto')
    self.p.reader.touch('touch', SAME[0], SAME[1])
    self.paid = self.p.till.sale('sale', sale(line(1, 1000, '2'), 500))
    self.p.till.sale('nobody', sale(700, touch=None))
    self.p.till.sale('open', sale(300, state='open', touch=None))
    a = self.p.till.sale('sale-2', sale(1000, identifiers=SAME[:1]))
    self.member, self.reward = a['member']['id'], effects(a, 'offer')[0]['reward']
    self.p.reader.touch('touch-2', SAME[0])

  def view(self):
    """All that its office and till can see, as raw bytes."""
    paths = ['/v1/shops', '/v1/devices', '/v1/programmes', '/v1/programmes/mug', '/v1/rewards',
      f'/v1/rewards/{self.reward}',
      f'/v1/members/{self.member}', f'/v1/members/{self.member}/entries', '/v1/sales/sale',
      '/v1/sales/sale-2',
      '/v1/sales/nobody', '/v1/sales/open']
    return {path: self.m.admin.ok('GET', path).raw for path in paths}

  def secrets(self):
    return [self.member, self.reward, self.p.shop, self.p.till.id, self.p.reader.id,
      self.paid['receipt']['id'],
      self.paid['receipt']['url'][-26:]]


NOT_MINE = (404, 403)
OWN = (200,)  # callers' ids count within their merchant: another thing of the same name


def attempts(a, b):
  """(operation, client of b, path with ids of a, body, statuses that are right)"""
  till, reader, office = b.p.till, b.p.reader, b.m.admin
  back = {'id': 'x', 'at': now(), 'lines': [{'line': '1', 'quantity': '1'}]}
  yield 'POST /v1/touches', reader, '/v1/touches', {'id': 'touch-x', 'identifiers': SAME}, OWN
  yield 'POST /v1/touches/{id}/answers', reader, '/v1/touches/only-a/answers', {'id': 'x',
    'step': 'join:mug', 'value': 'yes'}, NOT_MINE
  yield 'POST /v1/touches/{id}/answers', reader, '/v1/touches/touch-2/answers', {'id': 'x',
    'step': f'offer:{a.reward}', 'value': 'yes'}, (404, 409, 422)
  yield 'DELETE /v1/touches/{id}', till, '/v1/touches/only-a', None, NOT_MINE
  yield 'PUT /v1/sales/{id}', till, '/v1/sales/only-a', sale(900, touch='only-a'), (404, 409, 422)
  yield 'PUT /v1/sales/{id}', till, '/v1/sales/only-a-sale', sale(900, touch=None), OWN
  yield 'GET /v1/sales/{id}', till, '/v1/sales/only-a', None, NOT_MINE
  yield 'POST /v1/sales/{id}/returns', till, '/v1/sales/only-a/returns', back, NOT_MINE
  yield 'POST /v1/sales/{id}/attach', till, '/v1/sales/only-a/attach', {'id': 'x',
    'identifiers': SAME[:1]}, NOT_MINE
  yield 'POST /v1/sales/{id}/attach', till, '/v1/sales/nobody/attach', {'id': 'x',
    'touch': 'only-a'}, (404, 409, 422)
  for client in (till, office):
    yield 'GET /v1/rewards', client, f'/v1/rewards?member={a.member}', None, (200, 404)
    yield 'GET /v1/rewards', client, '/v1/rewards', None, OWN
    yield 'GET /v1/rewards/{id}', client, f'/v1/rewards/{a.reward}', None, NOT_MINE
    for act in ('hold', 'give', 'release', 'reverse'):
      yield (f'POST /v1/rewards/{{id}}/{act}', client, f'/v1/rewards/{a.reward}/{act}', {'id': 'x'},
        NOT_MINE)
    yield 'GET /v1/members/{id}', client, f'/v1/members/{a.member}', None, NOT_MINE
    yield 'GET /v1/members/{id}/entries', client, f'/v1/members/{a.member}/entries', None, NOT_MINE
    yield 'POST /v1/members/search', client, '/v1/members/search', {'identifier': {'kind': 'code',
      'value': 'only-a'}}, OWN
  yield 'GET /v1/programmes', office, '/v1/programmes', None, OWN
  yield 'GET /v1/programmes/{code}', office, '/v1/programmes/only-a', None, NOT_MINE
  yield ('POST /v1/programmes/{code}/dry-run', office, '/v1/programmes/only-a/dry-run',
    {'sale': sale(100)}, NOT_MINE)
  yield 'POST /v1/programmes/{code}/dry-run', office, '/v1/programmes/mug/dry-run', {'sale': sale(
    100), 'member': a.member}, (404, 422)
  put = {'template': 'points', 'name': {'nl': 'X'}, 'starts': '2026-01-01', 'joining': 'ask',
    'state': 'running', 'parameters': {'per': 1}}
  yield 'PUT /v1/programmes/{code}', office, '/v1/programmes/only-a', put, OWN
  yield 'PUT /v1/programmes/{code}', office, '/v1/programmes/x', dict(put, shops=[a.p.shop]), (404,
    422)
  yield 'GET /v1/templates', office, '/v1/templates', None, OWN
  yield 'POST /v1/shops', office, '/v1/shops', {'id': 'only-a', 'name': 'B'}, OWN
  yield 'GET /v1/shops', office, '/v1/shops', None, OWN
  yield 'POST /v1/devices', office, '/v1/devices', {'id': 'only-a', 'shop': a.p.shop,
    'kind': 'till', 'name': 'x'}, (404, 422)
  yield 'POST /v1/devices', office, '/v1/devices', {'id': 'y', 'shop': b.p.shop, 'kind': 'reader',
    'name': 'x', 'paired_with': a.p.till.id}, (404, 422)
  yield 'GET /v1/devices', office, '/v1/devices', None, OWN
  for path in ('/health', '/metrics', '/v1/openapi.json'):
    yield 'GET ' + path, office, path, None, OWN


@test("every call with the other's key and ids changes nothing and tells nothing")
def _(z):
  a, b = Side(z.merchant()), Side(z.merchant())
  a.p.reader.touch('only-a', SAME[0])
  a.p.till.sale('only-a', sale(800, touch=None))
  a.m.points('only-a', joining='ask')
  a.p.till.sale('code', sale(100, identifiers=[{'kind': 'code', 'value': 'only-a'}]))
  a.m.admin.ok('POST', '/v1/shops', {'id': 'only-a', 'name': 'A'})
  before, done = a.view(), set()
  for operation, client, path, body, right in attempts(a, b):
    method = operation.split()[0]
    answer = client.call(method, path, body)
    assert answer.status in right, f'{operation} as the other merchant, expected {right}: {answer}'
    told = [s for s in a.secrets() if s.encode() in answer.raw and s not in path
      and s not in str(body)]
    assert not told, f'{operation} tells of the other: {told}'
    done.add(operation)
  assert b.m.admin.who('code', 'only-a') is None
  missing = {str(o) for o in document().operations} - done - {'GET /v1/events', 'GET /r/{token}'}
  assert not missing, f'add to attempts(): {missing}'
  after = a.view()
  assert [p for p in before if after[p] != before[p]] == []


@test('the same card is two members, whose points do not meet')
def _(z):
  a, b = Side(z.merchant()), Side(z.merchant())
  assert a.member != b.member
  assert a.m.admin.who('loyalty_card', 'c1')['id'] == a.member
  assert b.m.admin.who('loyalty_card', 'c1')['id'] == b.member
  a.p.till.sale('more', sale(1000, identifiers=SAME[:1]))
  assert points_of(a.m.admin, a.member, 'mug')['balance'] == 3
  assert points_of(b.m.admin, b.member, 'mug')['balance'] == 2


@test("a stream carries nothing of the other's")
def _(z):
  a, b = Side(z.merchant()), Side(z.merchant())
  streams = [c.stream() for c in (b.m.admin, b.p.till, b.p.reader)]
  seen = [s.rest() for s in streams]
  a.p.reader.touch('new', SAME[0])
  a.p.till.sale('new', sale(1000))
  a.p.till.reward(a.reward, 'hold', 'h')
  a.p.till.reward(a.reward, 'give', 'g')
  b.p.reader.touch('own', SAME[0])
  assert [e['touch'] for e in streams[1].rest()] == ['own']
  text = ''.join(e.data for s in seen for e in s)
  assert not [s for s in a.secrets() if s in text]
  for s in streams:
    s.close()


@test('identifiers lie in the store only as keyed hashes')
def _(z):
  server = z.own().start()
  m = server.merchants[0]
  p = m.pair()
  m.mug(joining='auto')
  words = {'loyalty_card': 'LOYAL-2900000000017', 'card': 'tok-SECRET-5c1e9a7b',
    'email': 'iemand@example.org', 'phone': '+32470998877'}
  p.reader.touch('tap', *({'kind': k, 'value': v} for k, v in words.items()))
  p.till.sale('sale', sale(1000,
    payments=[{'kind': 'card', 'amount': 1000, 'par': 'PAR-SECRET-0001'}]))
  p.reader.touch('unknown', ('card', 'tok-SECRET-unknown'))
  assert server.stop() == 0
  found = everything(server.data) + server.log(10 ** 6).encode()
  for word in list(words.values()) + ['PAR-SECRET-0001', 'tok-SECRET-unknown', m.admin.key,
      p.till.key, p.till.key[-52:]]:
    assert word.encode() not in found, f'{word} lies in the clear'


def everything(folder):
  """Every byte in a folder, except the key file's."""
  import os
  text = b''
  for where, _, names in os.walk(folder):
    for name in names:
      with open(os.path.join(where, name), 'rb') as file:
        text += file.read()
  return text


main()
