# SPDX-License-Identifier: Apache-2.0
"""What people at a desk read: lists that page, and a member's history."""
from zegel import *


def pages(client, path, name, limit, between=lambda: None):
  """The ids of every page; between() happens between two."""
  found, query = [], f'?limit={limit}'
  while True:
    page = client.ok('GET', path + query)
    assert len(page[name]) <= limit, page
    found.append([x['id'] for x in page[name]])
    if page['next'] is None:
      return found
    assert len(page[name]) == limit, f'only the last page is short: {page}'
    between()
    query = f'?limit={limit}&cursor={quote(page["next"])}'


@test('shops and devices page by the last id: what is added meanwhile moves no other')
def _(z):
  m = z.merchant()
  p = m.pair()
  for path, name, add in (('/v1/shops', 'shops', m.shop),
      ('/v1/devices', 'devices', lambda: m.device(p.shop, 'till'))):
    for _ in range(9):
      add()
    before = sum(pages(m.admin, path, name, 4), [])
    assert len(before) == len(set(before)) and len(before) > 9, before
    for limit in (1, 3, len(before), 200):
      added = []
      seen = sum(pages(m.admin, path, name, limit, lambda: len(added) < 6 and added.append(add())), [])
      assert len(seen) == len(set(seen)), f'{limit}: something came twice'
      assert [id for id in seen if id in before] == before, f'{limit}: something was hidden'
      before = sum(pages(m.admin, path, name, 200), [])
    for cursor in ('0', '3', 'x', 'm_0123456789abc', ''):
      m.admin.refused(422, 'invalid', 'GET', f'{path}?cursor={cursor}')


CARD = [{'kind': 'loyalty_card', 'value': 'c1'}]


@test('a history has every programme, however many, page by page')
def _(z):
  m = z.merchant()
  p = m.pair()
  many = 130
  for n in range(many):
    m.points(f'p{n:03}', per=100)
  member = None
  for n in range(2):
    member = p.till.sale(f's{n}', sale(1000, identifiers=CARD))['member']['id']
  whole = m.admin.ok('GET', f'/v1/members/{member}/entries?limit=200')['entries']
  for limit in (7, 100, 200):
    seen = m.admin.entries(member, limit=limit)[::-1]
    assert seen[:200] == whole and len(seen) == 2 * many, f'{limit}: {len(seen)}'
    assert {(e['programme'], e['balance']) for e in seen} == {(f'p{n:03}', b)
      for n in range(many) for b in (10, 20)}
    assert [e['posted_at'] for e in seen] == sorted((e['posted_at'] for e in seen), reverse=True)


@test('what is posted between two pages of a history moves nothing')
def _(z):
  m = z.merchant()
  p = m.pair()
  for code in ('a', 'b', 'c'):
    m.points(code, per=100)
  for n in range(5):
    member = p.till.sale(f's{n}', sale(1000, identifiers=CARD))['member']['id']
  before = m.admin.entries(member)[::-1]
  for limit in (1, 4, 6):
    seen, cursor = [], ''
    while cursor is not None:
      page = m.admin.ok('GET', f'/v1/members/{member}/entries?limit={limit}{cursor}')
      seen += page['entries']
      cursor = page['next'] and '&cursor=' + quote(page['next'])
      if len(seen) < 3 * limit:
        p.till.sale(f'more-{limit}-{len(seen)}', sale(100, identifiers=CARD))
    assert seen == before, f'{limit}: {len(seen)} and {len(before)}'
    before = m.admin.entries(member)[::-1]
  for cursor in ('x', 'p_0123456789abc', 'p_0123456789abc:1', 'm_0123456789abc:1:1', ''):
    m.admin.refused(422, 'invalid', 'GET', f'/v1/members/{member}/entries?cursor={cursor}')


@test('an entry says what it was posted for')
def _(z):
  m = z.merchant()
  p = m.pair()
  m.points('p', per=100, needed=10, reward={'code': 'mok', 'name': {'nl': 'Een mok'}})
  a = p.till.sale('s1', sale(1000, 500, identifiers=CARD))
  reward = effects(a, 'offer')[0]['reward']
  p.till.reward(reward, 'hold', 'h1')
  p.till.reward(reward, 'give', 'g1')
  p.till.returns('s1', 'r1', ('2', '1'))
  seen = [(e['kind'], e['ref']['kind'], e['ref'].get('id')) for e in
    m.admin.entries(a['member']['id'])]
  assert seen == [('earned', 'sale', 's1'), ('held', 'reward', reward), ('spent', 'reward', reward),
    ('clawed_back', 'return', 's1')], seen
  z.server.verify()


main()
