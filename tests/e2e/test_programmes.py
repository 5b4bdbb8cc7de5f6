# SPDX-License-Identifier: Apache-2.0
"""Programmes: the four stock scripts, their parameters and their faults, period, shops, joining,
states."""
import datetime
import zoneinfo

from zegel import *

MUG = {'code': 'mok', 'name': {'nl': 'Een mok', 'en': 'A mug'}}
CARD = 'loyalty_card'


def loyal(value='c1'):
  return [{'kind': CARD, 'value': value}]


def earned(p, code, *amounts, who='c1', **more):
  """What one more sale earns in a programme; 0 if nothing."""
  p.last = p.m.fresh('earn')
  a = p.till.sale(p.last, sale(*amounts, identifiers=loyal(who), **more))
  return sum(e['amount'] for e in effects(a, 'earned', code))


# ---- the stock scripts

@test('the templates declare their parameters, with texts in four languages')
def _(z):
  m = z.merchant()
  found = {t['name']: t for t in m.admin.ok('GET', '/v1/templates')['templates']}
  wanted = {'stamps': {'minimum', 'needed', 'reward'}, 'points': {'per', 'needed', 'reward'},
    'visits': {'needed', 'reward'}, 'spend': {'needed', 'reward'}}
  for name, names in wanted.items():
    declared = {p['name'] for p in found[name]['parameters']}
    assert names | {'after_return', 'hold_minutes', 'expires_days'} <= declared, (
      f'{name}: {declared}')
    assert {'nl', 'fr', 'de', 'en'} <= set(found[name]['title']), found[name]['title']
    for p in found[name]['parameters']:
      assert {'nl', 'fr', 'de', 'en'} <= set(p['title']), f'{name}.{p["name"]}: {p.get("title")}'


@test('stamps: one for each sale over an amount')
def _(z):
  m = z.merchant()
  p = m.pair()
  m.programme('s', 'stamps', minimum=1000, needed=3, reward=MUG)
  assert [earned(p, 's', a) for a in (999, 1000, 1001, 100000)] == [0, 1, 1, 1]
  assert earned(p, 's', 600, 400) == 1, 'the sale counts, not its lines'


@test('stamps: per item, for the articles the programme names')
def _(z):
  m = z.merchant()
  p = m.pair()
  m.programme('s', 'stamps', needed=10, reward=MUG, items=['k500', '5400141000000'])
  assert earned(p, 's', line(1, 900, '3', sku='k500'), line(2, 100, '2', gtin='5400141000000'),
    line(3, 100, '4')) == 5
  a = p.till.returns(p.last, 'r', ('1', '2'))
  assert effects(a, 'clawed_back', 's')[0]['amount'] == 2, a
  assert earned(p, 's', line(1, 900)) == 0


@test('points: one for each full amount of the whole sale')
def _(z):
  m = z.merchant()
  p = m.pair()
  m.points('p', per=250)
  assert [earned(p, 'p', *a) for a in ((249,), (250,), (499,), (500,), (125, 125),
    (-100, 600))] == [0, 1, 1, 2, 1, 2]


@test('points: categories that count more, or not at all')
def _(z):
  m = z.merchant()
  p = m.pair()
  m.points('p', per=100, categories={'koffie': 200, 'tabak': 0})
  a = earned(p, 'p', line(1, 1000, category='koffie'), line(2, 1000, category='tabak'),
    line(3, 1000, category='brood'),
    line(4, 1000))
  assert a == 40, a


@test('visits: one for a paid sale, not for a tap')
def _(z):
  m = z.merchant()
  p = m.pair()
  m.programme('v', 'visits', needed=3, reward=MUG)
  for n in range(3):
    p.reader.touch(f'tap-{n}', (CARD, 'c1'))
    a = p.till.sale(f'sale-{n}', sale(100, at=now(-86400 * (3 - n))))
  assert points_of(m.admin, a['member']['id'], 'v')['balance'] == 3, 'three days, three visits'
  assert effects(a, 'offer')[0]['name'] == 'Een mok', a
  p.reader.touch('tap-only', (CARD, 'c1'))
  assert points_of(m.admin, a['member']['id'], 'v')['balance'] == 3


@test('spend: the sum counts')
def _(z):
  m = z.merchant()
  p = m.pair()
  m.programme('s', 'spend', needed=5000, reward=MUG)
  assert earned(p, 's', 1999, 1) == 2000
  assert earned(p, 's', 2999) == 2999
  before = p.last
  a = p.till.sale('last', sale(1, identifiers=loyal()))
  assert effects(a, 'earned')[0]['balance'] == 5000 and effects(a, 'offer'), a
  a = p.till.returns(before, 'r', ('1', '1'))
  assert effects(a, 'clawed_back')[0]['amount'] == 2999, a


@test('points with a threshold offer a reward, without one they only count')
def _(z):
  m = z.merchant()
  p = m.pair()
  m.points('free', per=100)
  m.points('mok', per=100, needed=20, reward=MUG)
  a = p.till.sale('sale', sale(2000, identifiers=loyal()))
  assert [e['programme'] for e in effects(a, 'offer')] == ['mok'], a


# ---- faults

@test('a fault in a programme is named by its place, and nothing is stored')
def _(z):
  m = z.merchant()
  shop = m.shop()
  good = {'template': 'stamps', 'name': {'nl': 'Mok'}, 'starts': '2026-01-01', 'joining': 'ask',
    'state': 'running',
    'parameters': {'minimum': 1000, 'needed': 3, 'reward': MUG}}

  def without(*names):
    body = dict(good, parameters=dict(good['parameters']))
    for name in names:
      body.pop(name, None)
      body['parameters'].pop(name, None)
    return body

  def params(**more):
    return dict(good, parameters=dict(good['parameters'], **more))
  rows = [  # body, name, at
    (without('template'), 'invalid', '/template'), (dict(good, template='nothing'), 'invalid',
    '/template'),
    (without('name'), 'invalid', '/name'), (dict(good, name={}), 'invalid', '/name'),
    (dict(good, name='Mok'), 'invalid', '/name'),
    (without('starts'), 'invalid', '/starts'), (dict(good, starts='soon'), 'invalid', '/starts'),
    (dict(good, starts='2026-02-30'), 'invalid', '/starts'), (dict(good, starts=20260101),
    'invalid', '/starts'),
    (dict(good, ends='2025-12-31'), 'invalid', '/ends'), (dict(good, ends='2026-01-00'), 'invalid',
    '/ends'),
    (without('joining'), 'invalid', '/joining'), (dict(good, joining='maybe'), 'invalid',
    '/joining'),
    (without('state'), 'invalid', '/state'), (dict(good, state='going'), 'invalid', '/state'),
    (dict(good, shops=[shop, 's_0123456789abc']), 'invalid', '/shops/1'),
    (dict(good, shops='all'), 'invalid', '/shops'),
    (dict(good, colour='red'), 'unknown-field', '/colour'),
    (without('needed'), 'invalid', '/parameters/needed'), (without('reward'), 'invalid',
    '/parameters/reward'),
    (params(needed=0), 'invalid', '/parameters/needed'), (params(needed=-1), 'invalid',
    '/parameters/needed'),
    (params(needed='3'), 'invalid', '/parameters/needed'), (params(needed=3.5), 'invalid',
    '/parameters/needed'),
    (params(needed=10 ** 15), 'invalid', '/parameters/needed'), (params(minimum=-1), 'invalid',
    '/parameters/minimum'),
    (params(minimum=10 ** 12), 'invalid', '/parameters/minimum'),
    (params(reward='mok'), 'invalid', '/parameters/reward'),
    (params(reward={'name': MUG['name']}), 'invalid', '/parameters/reward/code'),
    (params(reward={'code': 'mok'}), 'invalid', '/parameters/reward/name'),
    (params(reward=dict(MUG, colour='red')), 'unknown-field', '/parameters/reward/colour'),
    (params(after_return='shrug'), 'invalid', '/parameters/after_return'),
    (params(hold_minutes=0), 'invalid', '/parameters/hold_minutes'),
    (params(per_visit=1), 'unknown-field', '/parameters/per_visit'),
    (dict(good, parameters=[]), 'invalid', '/parameters'),
    (dict(good, arms=[{'name': 'a'}]), 'invalid', '/arms/0/share'),
    (dict(good, arms=[{'name': 'a', 'share': 1, 'parameters': {'needed': 0}}]), 'invalid',
    '/arms/0/parameters/needed'),
  ]
  for body, name, at in rows:
    m.admin.refused(422, name, 'PUT', '/v1/programmes/mug', body, at=at)
  m.admin.refused(404, 'not-found', 'GET', '/v1/programmes/mug')
  for code in ('Mug', 'mug%20', 'm' * 65, '%C3%A9', '-mug', '_mug'):
    assert m.admin.call('PUT', f'/v1/programmes/{code}', good).status in (404, 422), code
  assert m.admin.ok('GET', '/v1/programmes')['programmes'] == []


@test('putting it again changes nothing; a change is a new version; no other template')
def _(z):
  m = z.merchant()
  first = m.mug()
  assert first['code'] == 'mug' and first['version'] == 1 and first['unit'] == 'stamp', first
  assert first['parameters']['after_return'] == 'debt', 'defaults are filled in'
  assert m.mug().raw == first.raw
  assert m.mug(needed=4)['version'] == 2
  assert m.admin.ok('GET', '/v1/programmes/mug')['parameters']['needed'] == 4
  assert m.mug(needed=3)['version'] == 3, 'back again is a change too'
  listed = m.admin.ok('GET', '/v1/programmes')['programmes']
  assert [p['code'] for p in listed] == ['mug'] and listed[0] == m.admin.ok('GET',
    '/v1/programmes/mug').json
  body = {'template': 'points', 'name': {'nl': 'Mok'}, 'starts': '2026-01-01', 'joining': 'ask',
    'state': 'running',
    'parameters': {'per': 100}}
  m.admin.refused(409, 'conflict', 'PUT', '/v1/programmes/mug', body)


@test('a return follows the version that settled the sale')
def _(z):
  m = z.merchant()
  p = m.pair()
  m.points('p', per=100)
  p.till.sale('sale', sale(700, 300, identifiers=loyal()))
  m.points('p', per=50)
  a = p.till.returns('sale', 'r', ('1', '1'))
  assert effects(a, 'clawed_back')[0]['amount'] == 7, a
  assert earned(p, 'p', 1000) == 20


# ---- when, where, who

@test("starts and ends are days in the merchant's time zone, the last one whole")
def _(z):
  m = z.merchant()
  p = m.pair()
  here = zoneinfo.ZoneInfo('Europe/Brussels')
  m.points('p', per=100, starts='2026-03-28',
    ends='2026-03-29')  # the clock changes on the 29th: 23 hours
  start = datetime.datetime(2026, 3, 28, tzinfo=here)
  end = datetime.datetime(2026, 3, 30, tzinfo=here)
  second = datetime.timedelta(seconds=1)

  def at(when):
    return earned(p, 'p', 1000, at=stamp(when.astimezone(UTC)))
  moments = [start.astimezone(UTC) - second, start, end.astimezone(UTC) - second, end]
  assert [at(when) for when in moments] == [0, 10, 10, 0]
  m.points('q', per=100, starts='2026-03-28T12:00:00+02:00', ends='2026-03-28T13:00:00+02:00')
  noon = datetime.datetime(2026, 3, 28, 10, tzinfo=UTC)
  got = [earned(p, 'q', 1000, at=stamp(noon + datetime.timedelta(seconds=s))) for s in (-1, 0, 3599,
    3600)]
  assert got == [0, 10, 10, 0], got


@test('only in its shops')
def _(z):
  m = z.merchant()
  p, q = m.pair(), m.pair()
  m.points('p', per=100, shops=[p.shop])
  m.mug(shops=[p.shop])
  assert (earned(p, 'p', 1000), earned(q, 'p', 1000)) == (10, 0)
  assert step_ids(p.reader.touch('tap-p', ('card', 'tok'))) == ['join:mug']
  assert step_ids(q.reader.touch('tap-q', ('card', 'tok'))) == []


@test('draft and paused and ended do nothing; running does')
def _(z):
  m = z.merchant()
  p = m.pair()
  for state, gives in (('draft', 0), ('running', 10), ('paused', 0), ('running', 10), ('ended', 0)):
    m.points('p', per=100, state=state)
    m.mug(state=state)
    assert earned(p, 'p', 1000) == gives, state
    steps = step_ids(p.reader.touch(m.fresh('tap'), ('card', 'tok')))
    assert steps == (['join:mug'] if gives else []), f'{state}: {steps}'


@test('what is not running yet is not asked, and not running any more is not shown')
def _(z):
  m = z.merchant()
  p = m.pair()
  m.mug(starts=day(30))
  m.programme('over', 'stamps', joining='ask', starts='2020-01-01', ends='2020-12-31', minimum=0,
    needed=3, reward=MUG)
  assert step_ids(p.reader.touch('tap', ('card', 'tok'))) == []


@test('joining by itself: at a touch too, and only with what the merchant handed out')
def _(z):
  m = z.merchant()
  p = m.pair()
  m.points('p', per=100)
  for kind in ('loyalty_card', 'pass', 'code', 'card', 'par', 'alias', 'eid', 'phone', 'email'):
    value = '+32470123457' if kind == 'phone' else f'{kind}@example.org'
    a = p.reader.touch(f'tap-{kind}', (kind, value))
    if kind in ('loyalty_card', 'pass', 'code'):
      assert [e['programme']
        for e in a['member']['enrolments']] == ['p'] and step_ids(a) == ['card:p'], f'{kind}: {a}'
    else:
      assert a['member'] is None and step_ids(a) == [], f'{kind}: {a}'
      assert m.admin.who(kind, value) is None, kind
  a = p.reader.touch('tap-both', ('card', 'tok-both'), ('loyalty_card', 'both'))
  assert a['member'] is not None, 'one of the two was handed out'


@test('who is a member joins an auto programme without a question; an ask programme asks them')
def _(z):
  m = z.merchant()
  p = m.pair()
  m.mug()
  p.reader.touch('tap-1', ('card', 'tok'))
  p.reader.answer('tap-1', 'join:mug', 'yes')
  m.points('p', per=100)
  m.programme('q', 'visits', joining='ask', needed=3, reward=MUG)
  a = p.reader.touch('tap-2', ('card', 'tok'))
  assert sorted(step_ids(a)) == ['card:mug', 'card:p', 'join:q'], a
  a = p.till.sale('sale', sale(1000))
  assert sorted(e['programme'] for e in effects(a, 'earned')) == ['mug', 'p'], a


@test('a nee of a known member is not asked again; a time-out is')
def _(z):
  m = z.merchant()
  p = m.pair()
  m.mug()
  p.reader.touch('tap-1', ('card', 'tok'))
  p.reader.answer('tap-1', 'join:mug', 'yes')
  m.points('no', per=100, joining='ask')
  m.points('late', per=100, joining='ask')
  p.reader.touch('tap-2', ('card', 'tok'))
  p.reader.answer('tap-2', 'join:no', 'no')
  p.reader.answer('tap-2', 'join:late', 'timeout')
  a = p.reader.touch('tap-3', ('card', 'tok'))
  assert sorted(step_ids(a)) == ['card:mug', 'join:late'], a
  q = m.pair()
  assert sorted(step_ids(q.reader.touch('tap-4', ('card', 'tok')))) == ['card:mug', 'join:late'], (
    'at no other reader either')


@test('answers that cannot be')
def _(z):
  m = z.merchant()
  p = m.pair()
  m.mug()
  m.points('draft', per=100, joining='ask', state='draft')
  p.reader.touch('tap', ('card', 'tok'))
  path = '/v1/touches/tap/answers'
  for body, at in (({'id': 'a', 'step': 'join:none', 'value': 'yes'}, '/step'),
      ({'id': 'a', 'step': 'join:draft', 'value': 'yes'}, '/step'),
      ({'id': 'a', 'step': 'nonsense', 'value': 'yes'}, '/step'),
      ({'id': 'a', 'step': 'offer:w_0123456789abc', 'value': 'yes'}, '/step'),
      ({'id': 'a', 'step': 'join:mug', 'value': 'perhaps'}, '/value'),
      ({'id': 'a', 'step': 'join:mug', 'value': ''}, '/value'),
      ({'id': 'a', 'step': 'join:mug', 'value': True}, '/value'), ({'id': 'a', 'step': 'join:mug'},
      '/value')):
    p.reader.refused(422, 'invalid', 'POST', path, body, at=at)
  p.reader.refused(404, 'not-found', 'POST', '/v1/touches/none/answers',
    {'id': 'a', 'step': 'join:mug', 'value': 'yes'})
  p.reader.answer('tap', 'join:mug', 'yes')
  a = p.reader.call('POST', path, {'id': 'other', 'step': 'join:mug', 'value': 'no'})
  assert a.status in (200, 409), a
  assert m.admin.who('card', 'tok')['enrolments'][0]['programme'] == 'mug', 'ja stays ja'


# ---- trying

@test('a dry run tells what a programme would do, running or not, and changes nothing')
def _(z):
  m = z.merchant()
  p = m.pair()
  m.mug(state='draft', starts=day(30))
  before = m.admin.ok('GET', '/v1/programmes/mug').raw
  later = now(86400 * 40)

  def dry(code, body):
    return m.admin.ok('POST', f'/v1/programmes/{code}/dry-run', body)
  a = dry('mug', {'sale': sale(1000), 'balance': 2, 'now': later})
  assert [e['amount'] for e in effects(a, 'earned')] == [1] and effects(a, 'offer'), a
  a = dry('mug', {'sale': sale(1000), 'now': later})
  assert effects(a, 'earned') and not effects(a, 'offer'), a
  m.mug(starts=day(30))
  a = dry('mug', {'sale': sale(999), 'now': later})
  assert not effects(a, 'earned') and a['reasons'] and a['reasons'][0]['text'], 'it says why not'
  a = dry('mug', {'sale': sale(1000)})
  assert a['reasons'], 'it has not started'
  m.points('p', per=100)
  member = p.till.sale('sale', sale(700, identifiers=loyal()))['member']['id']
  view = m.admin.ok('GET', f'/v1/members/{member}').raw
  a = dry('p', {'sale': sale(1000), 'member': member, 'shop': p.shop})
  assert effects(a, 'earned')[0]['balance'] == 17, a
  assert m.admin.ok('GET', f'/v1/members/{member}').raw == view
  assert m.admin.rewards(member=member) == []
  path = '/v1/programmes/p/dry-run'
  for body, at in (({}, '/sale'), ({'sale': sale(1000, total=1)}, '/sale/total'),
      ({'sale': {'lines': [line(1, 1)], 'total': 1}}, '/sale/number'),
      ({'sale': sale(1000), 'now': 'later'}, '/now'), ({'sale': sale(1000), 'balance': -1},
      '/balance'),
      ({'sale': sale(1000), 'shop': 's_0123456789abc'}, '/shop')):
    m.admin.refused(422, 'invalid', 'POST', path, body, at=at)
  m.admin.refused(404, 'not-found', 'POST', '/v1/programmes/none/dry-run', {'sale': sale(1000)})
  m.admin.refused(404, 'not-found', 'POST', path, {'sale': sale(1000), 'member': 'm_0123456789abc'},
    at='/member')


@test('arms: every member is in one, for good, in the shares asked for')
def _(z):
  m = z.merchant()
  p = m.pair()
  body = {'template': 'points', 'name': {'nl': 'P'}, 'starts': '2020-01-01', 'joining': 'auto',
    'state': 'running',
    'parameters': {'per': 100}, 'arms': [{'name': 'control', 'share': 50},
    {'name': 'double', 'share': 50,
    'parameters': {'per': 50}}]}
  m.admin.ok('PUT', '/v1/programmes/p', body)
  arms = {}
  for n in range(60):
    a = p.till.sale(f'sale-{n}', sale(1000, identifiers=loyal(f'c{n}')))
    arms.setdefault({10: 'control', 20: 'double'}[effects(a, 'earned')[0]['amount']], []).append(n)
  assert set(arms) == {'control', 'double'} and min(len(v) for v in arms.values()) >= 12, (
    {k: len(v) for k, v in arms.items()})
  a = p.till.sale('again', sale(1000, identifiers=loyal('c0')))
  arm = next(k for k, v in arms.items() if 0 in v)
  assert effects(a, 'earned')[0]['amount'] == {'control': 10, 'double': 20}[arm], 'for good'
  assert points_of(m.admin, a['member']['id'], 'p').get('arm') == arm, 'the office sees the arm'


@test('arms are locked once a programme was more than a draft, also by way of a draft')
def _(z):
  m = z.merchant()

  def body(state, *names):
    return {'template': 'points', 'name': {'nl': 'P'}, 'starts': '2020-01-01', 'joining': 'auto',
      'state': state, 'parameters': {'per': 100}, 'arms': [{'name': n, 'share': 1} for n in names]}
  m.admin.ok('PUT', '/v1/programmes/p', body('draft', 'x', 'y'))
  m.admin.ok('PUT', '/v1/programmes/p', body('running', 'a', 'b'))
  m.admin.ok('PUT', '/v1/programmes/p', body('draft', 'a', 'b'))
  for state in ('draft', 'running'):
    m.admin.refused(409, 'conflict', 'PUT', '/v1/programmes/p', body(state, 'z', 'b'), at='/arms')
  assert m.admin.ok('GET', '/v1/programmes/p')['version'] == 3


@test('each arm has its own after_return')
def _(z):
  m = z.merchant()
  p = m.pair()
  m.admin.ok('PUT', '/v1/programmes/p', {'template': 'points', 'name': {'nl': 'P'},
    'starts': '2020-01-01', 'joining': 'auto', 'state': 'running',
    'parameters': {'per': 100, 'needed': 10, 'reward': MUG},
    'arms': [{'name': 'debt', 'share': 1},
    {'name': 'forgive', 'share': 1, 'parameters': {'after_return': 'forgive'}}]})
  seen = set()
  for n in range(40):
    a = p.till.sale(f'sale-{n}', sale(1000, identifiers=loyal(f'c{n}')))
    reward = effects(a, 'offer')[0]['reward']
    p.till.ok('POST', f'/v1/rewards/{reward}/hold', {'id': 'h'})
    p.till.ok('POST', f'/v1/rewards/{reward}/give', {'id': 'g'})
    p.till.returns(f'sale-{n}', 'r', ('1', '1'))
    points = points_of(m.admin, a['member']['id'], 'p')
    seen.add(points['arm'])
    assert points['debt'] == {'debt': 10, 'forgive': 0}[points['arm']], points
  assert seen == {'debt', 'forgive'}, seen


@test('any number of programmes at once: eighty')
def _(z):
  m = z.merchant()
  p = m.pair()
  for n in range(80):
    m.points(f'p-{n}', per=100, **({'shops': [p.shop]} if n < 75 else {}))
  a = p.till.sale('sale', sale(1000, identifiers=loyal()))
  assert len({e['programme'] for e in effects(a, 'earned')}) == len(effects(a, 'earned')) == 80, a
  page, codes = m.admin.ok('GET', '/v1/programmes?limit=20'), []
  while True:
    assert len(page['programmes']) <= 20
    codes += [x['code'] for x in page['programmes']]
    if page['next'] is None:
      break
    page = m.admin.ok('GET', f'/v1/programmes?limit=20&cursor={quote(page["next"])}')
  assert codes == sorted(f'p-{n}' for n in range(80)), codes


main()
