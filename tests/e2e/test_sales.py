# SPDX-License-Identifier: Apache-2.0
"""Sales: their states, whose they are, what returns take back, and a random shop day against a
model."""
import datetime

from zegel import *

LOYALTY = 'loyalty_card'


def loyal(value):
  return [{'kind': LOYALTY, 'value': value}]


def cents(m, **more):
  """A programme that counts every cent, so that each share of a return shows; joins by itself."""
  return m.points('cents', per=1, **more)


# ---- states

@test("a sale of nobody's is settled and stored like any other")
def _(z):
  m = z.merchant()
  p = m.pair()
  cents(m)
  a = p.till.sale('sale', sale(line(1, 1298, '2', gtin='5400141000000', category='koffie'),
    line(2, -298),
    payments=[{'kind': 'card', 'amount': 600, 'par': 'V0010013020080101234567890AB'},
    {'kind': 'cash', 'amount': 400}]))
  assert a['sale'] == 'sale' and a['state'] == 'paid' and a['member'] is None and kinds(a) == [], a
  assert p.till.ok('GET', '/v1/sales/sale').json == a.json
  assert z.server.client().ok('GET', page_of(a)).status == 200
  p.till.refused(404, 'not-found', 'GET', '/v1/sales/none')


@test('open, open again, paid; void: every step of the lattice')
def _(z):
  m = z.merchant()
  p = m.pair()
  cents(m)
  bodies = {'open': sale(1000, state='open', identifiers=loyal('c1')),
    'paid': sale(1000, identifiers=loyal('c1')),
    'void': {'state': 'void'}}
  ways = {  # what was sent before -> what may be sent next
    (): {'open', 'paid', 'void'}, ('open',): {'open', 'paid', 'void'},
    ('open', 'open'): {'open', 'paid', 'void'},
    ('paid',): {'paid', 'void'}, ('open', 'paid'): {'paid', 'void'}, ('open', 'void'): {'void'},
    ('paid', 'void'): {'void'}, ('void',): {'void'}}
  for n, (before, may) in enumerate(ways.items()):
    for m_, state in enumerate(bodies):
      id = f'sale-{n}-{m_}'
      for b, step in enumerate(before):
        p.till.sale(id, dict(bodies[step], **({'number': f'R-{b}'} if step == 'open' else {})))
      # another number is another content: the same would only get its answer again
      other = state == 'open' or (state == 'paid' and before[-1:] == ('void',))
      body = dict(bodies[state], **({'number': 'R-next'} if other else {}))
      answer = p.till.call('PUT', f'/v1/sales/{id}', body)
      what = f'{before} then {state}: {answer}'
      if state in may:
        assert answer.status == 200 and answer['state'] == state, what
      else:
        assert answer.status == 409 and answer.name in ('conflict', 'id-reused' if 'paid' in before
          else 'conflict'), what
  assert p.till.ok('GET', '/v1/sales/sale-0-0')['state'] == 'open'


@test('an open sale may change until it is paid, and earns nothing before')
def _(z):
  m = z.merchant()
  p = m.pair()
  cents(m)
  for n, amounts in enumerate(((100,), (100, 200), (100, 200, 300), ())):
    a = p.till.sale('sale', sale(*amounts, state='open', identifiers=loyal('c1')))
    assert a['state'] == 'open' and not effects(a, 'earned'), a
  a = p.till.sale('sale', sale(100, 200, 50, identifiers=loyal('c1')))
  assert [e['balance'] for e in effects(a, 'earned')] == [350], a


@test('each state of a sale keeps its answer, whatever came after')
def _(z):
  m = z.merchant()
  p = m.pair()
  cents(m)
  bodies = [sale(500, state='open', identifiers=loyal('c1')), sale(500, identifiers=loyal('c1')),
    {'state': 'void'}]
  answers = [p.till.sale('sale', body) for body in bodies]
  for body, answer in zip(bodies, answers):
    again = p.till.call('PUT', '/v1/sales/sale', body)
    assert again.raw == answer.raw, f'{answer} then {again}'


@test('a void of a paid sale is a full return; no return after it, no void after a return')
def _(z):
  m = z.merchant()
  p = m.pair()
  cents(m)
  a = p.till.sale('sale', sale(700, 300, identifiers=loyal('c1')))
  member = a['member']['id']
  a = p.till.sale('sale', {'state': 'void'})
  assert a['state'] == 'void', a
  assert [(e['amount'], e['balance']) for e in effects(a, 'clawed_back')] == [(1000, 0)], a
  assert p.till.ok('GET', '/v1/sales/sale')['state'] == 'void'
  p.till.refused(409, 'conflict', 'POST', '/v1/sales/sale/returns',
    {'id': 'r', 'at': now(), 'lines': [{'line': '1', 'quantity': '1'}]})
  p.till.sale('other', sale(700, 300, identifiers=loyal('c1')))
  p.till.returns('other', 'r', ('1', '1'))
  p.till.refused(409, 'conflict', 'PUT', '/v1/sales/other', {'state': 'void'})
  assert points_of(m.admin, member, 'cents')['balance'] == 300


@test('a void takes back every line: those without a quantity, and those below zero, too')
def _(z):
  m = z.merchant()
  p = m.pair()
  cents(m)
  a = p.till.sale('sale', sale(line(1, 1000), line(2, 500, '0'), line(3, -200, '-1'), line(4, -100),
    identifiers=loyal('c1')))
  assert effects(a, 'earned')[0]['balance'] == 1200, a
  p.till.sale('sale', {'state': 'void'})
  assert points_of(m.admin, a['member']['id'], 'cents')['balance'] == 0


# ---- returns

@test('a return takes back what those lines earned; the sale says how far it came back')
def _(z):
  m = z.merchant()
  p = m.pair()
  cents(m)
  a = p.till.sale('sale', sale(700, 300, identifiers=loyal('c1')))
  a = p.till.returns('sale', 'r1', ('2', '1'))
  assert a['return'] == 'r1', a
  assert effects(a, 'clawed_back') == [{'type': 'clawed_back', 'programme': 'cents', 'amount': 300,
    'balance': 700,
    'unit': effects(a)[0]['unit']}], a
  assert p.till.ok('GET', '/v1/sales/sale')['state'] == 'partly_returned'
  a = p.till.returns('sale', 'r2', ('1', '1'))
  assert effects(a, 'clawed_back')[0]['balance'] == 0, a
  assert p.till.ok('GET', '/v1/sales/sale')['state'] == 'returned'


@test('by part: each share to the cent, the rest on the last piece')
def _(z):
  m = z.merchant()
  p = m.pair()
  cents(m)
  p.till.sale('sale', sale(line(1, 1000, '3'), identifiers=loyal('c1')))
  taken = [effects(p.till.returns('sale', f'r{n}', ('1', '1')), 'clawed_back')[0]['amount']
    for n in range(3)]
  assert taken == [333, 333, 334], taken
  a = p.till.sale('weighed', sale(line(1, 517, '0.425', unit_price=1216), identifiers=loyal('c2')))
  p.till.returns('weighed', 'r', ('1', '0.425'))
  assert points_of(m.admin, a['member']['id'], 'cents')['balance'] == 0


@test('a return may say what the customer gets')
def _(z):
  m = z.merchant()
  p = m.pair()
  cents(m)
  p.till.sale('sale', sale(line(1, 1000, '2'), identifiers=loyal('c1')))
  a = p.till.returns('sale', 'r1', ('1', '1', 450))
  assert effects(a, 'clawed_back')[0]['amount'] == 450, a
  p.till.refused(422, 'invalid', 'POST', '/v1/sales/sale/returns',
    {'id': 'r2', 'at': now(), 'lines': [{'line': '1', 'quantity': '1', 'amount': 551}]})
  a = p.till.returns('sale', 'r3', ('1', '1'))
  assert effects(a, 'clawed_back')[0]['amount'] == 550, a


@test('never more than was sold: refused at the line, nothing changed')
def _(z):
  m = z.merchant()
  p = m.pair()
  cents(m)
  a = p.till.sale('sale', sale(line(1, 1000, '2'), 500, identifiers=loyal('c1')))
  member = a['member']['id']
  rows = [  # lines, where
    ([('1', '3')], '/lines/0'), ([('2', '1'), ('1', '2.001')], '/lines/1'),
    ([('1', '1'), ('1', '2')], '/lines/1'),
    ([('nine', '1')], '/lines/0'), ([('1', '0')], '/lines/0'), ([('1', '-1')], '/lines/0'),
    ([('1', '1.0000001')], '/lines/0'),
    ([('1', '1', -1)], '/lines/0'), ([('1', '1', 1001)], '/lines/0'), ([], '/lines')]
  for lines, at in rows:
    listed = [dict({'line': l[0], 'quantity': l[1]}, **({'amount': l[2]} if len(l) > 2 else {}))
      for l in lines]
    a = p.till.refused(422, 'invalid', 'POST', '/v1/sales/sale/returns',
      {'id': 'bad', 'at': now(), 'lines': listed})
    assert a['at'].startswith(at), f'{lines}: {a}'
  p.till.returns('sale', 'r1', ('1', '2'))
  a = p.till.refused(422, 'invalid', 'POST', '/v1/sales/sale/returns',
    {'id': 'r2', 'at': now(), 'lines': [{'line': '1', 'quantity': '1'}]})
  assert a['at'].startswith('/lines/0'), a
  assert points_of(m.admin, member, 'cents')['balance'] == 500
  p.till.refused(404, 'not-found', 'POST', '/v1/sales/none/returns',
    {'id': 'r', 'at': now(), 'lines': [{'line': '1', 'quantity': '1'}]})
  p.till.sale('open', sale(500, state='open'))
  p.till.refused(409, 'conflict', 'POST', '/v1/sales/open/returns',
    {'id': 'r', 'at': now(), 'lines': [{'line': '1', 'quantity': '1'}]})


@test("a return of nobody's sale has nothing to take back")
def _(z):
  m = z.merchant()
  p = m.pair()
  cents(m)
  p.till.sale('sale', sale(500))
  assert kinds(p.till.returns('sale', 'r', ('1', '1'))) == []
  assert p.till.ok('GET', '/v1/sales/sale')['state'] == 'returned'


@test('many tills return the last piece at once: it comes back once')
def _(z):
  m = z.merchant()
  p = m.pair()
  cents(m)
  a = p.till.sale('sale', sale(line(1, 1000, '4'), identifiers=loyal('c1')))
  answers = parallel(12, lambda n: p.till.call('POST', '/v1/sales/sale/returns',
    {'id': f'r-{n}', 'at': now(), 'lines': [{'line': '1', 'quantity': '1'}]}))
  assert sorted(x.status for x in answers) == [200] * 4 + [422] * 8, [str(x) for x in answers]
  assert points_of(m.admin, a['member']['id'], 'cents')['balance'] == 0


def spent_then_returned(z, **policy):
  """A member who was given a mug for two stamps, one of whose sales then came back."""
  m = z.merchant()
  p = m.pair()
  m.mug(needed=2, joining='auto', **policy)
  for n in (1, 2):
    a = p.till.sale(f'sale-{n}', sale(1000, identifiers=loyal('c1')))
  for act in ('hold', 'give'):
    p.till.reward(effects(a, 'offer')[0]['reward'], act, act)
  back = p.till.returns('sale-2', 'r', ('1', '1'))

  def account():
    e = points_of(m.admin, a['member']['id'], 'mug')
    return e['balance'], e['debt']

  def earn(id):
    p.till.sale(id, sale(1000, identifiers=loyal('c1')))
    return account()
  return back, account, earn


@test('what was spent becomes a debt that later earnings fill first (debt, the default)')
def _(z):
  for policy in ({}, {'after_return': 'debt'}):
    back, account, earn = spent_then_returned(z, **policy)
    assert kinds(back) == ['clawed_back'], back
    assert account() == (0, 1), account()
    assert earn('next-1') == (0, 0)
    assert earn('next-2') == (1, 0)


@test('what was spent is let go (forgive)')
def _(z):
  back, account, earn = spent_then_returned(z, after_return='forgive')
  assert account() == (0, 0), account()
  assert earn('next-1') == (1, 0)


@test('the balance goes below zero (negative)')
def _(z):
  back, account, earn = spent_then_returned(z, after_return='negative')
  assert effects(back, 'clawed_back')[0]['balance'] == -1, back
  assert account() == (-1, 0), account()
  assert earn('next-1') == (0, 0)


@test('an offer whose points went back is not due any more; one that is held stays held')
def _(z):
  m = z.merchant()
  p = m.pair()
  m.mug(needed=1, joining='auto')
  a = p.till.sale('sale-1', sale(1000, identifiers=loyal('c1')))
  reward = effects(a, 'offer')[0]['reward']
  p.till.returns('sale-1', 'r', ('1', '1'))
  p.till.refused(409, 'conflict', 'POST', f'/v1/rewards/{reward}/hold', {'id': 'hold'})
  assert step_ids(p.reader.touch('tap', (LOYALTY, 'c1'))) == ['card:mug']
  a = p.till.sale('sale-2', sale(1000, identifiers=loyal('c2')))
  reward, member = effects(a, 'offer')[0]['reward'], a['member']['id']
  p.till.reward(reward, 'hold', 'hold')
  p.till.returns('sale-2', 'r', ('1', '1'))
  account = points_of(m.admin, member, 'mug')
  assert (account['balance'], account['held'], account['debt']) == (1, 1, 1), account
  p.till.reward(reward, 'release', 'let go')
  account = points_of(m.admin, member, 'mug')
  assert (account['balance'], account['held'], account['debt']) == (0, 0, 0), account


# ---- whose it is

@test('the newest touch of the paired reader since the last paid sale; it serves one sale')
def _(z):
  m = z.merchant()
  p = m.pair()
  cents(m)
  p.reader.touch('tap-1', (LOYALTY, 'c1'))
  p.reader.touch('tap-2', (LOYALTY, 'c2'))
  a = p.till.sale('sale-1', sale(1000))
  assert a['member']['id'] == m.admin.who(LOYALTY, 'c2')['id'], 'the newest'
  a = p.till.sale('sale-2', sale(1000))
  assert a['member'] is None, 'neither the used one nor the older one'
  p.till.refused(409, 'conflict', 'PUT', '/v1/sales/sale-3', sale(1000, touch='tap-2'))


@test('a touch at another reader, another shop, or at the till itself')
def _(z):
  m = z.merchant()
  p, q = m.pair(), m.pair()
  cents(m)
  q.reader.touch('tap-far', (LOYALTY, 'c1'))
  assert p.till.sale('sale-1', sale(1000))['member'] is None
  loose = m.device(p.shop, 'reader')
  loose.touch('tap-loose', (LOYALTY, 'c2'))
  assert p.till.sale('sale-2', sale(1000))['member'] is None
  a = p.till.sale('sale-3', sale(1000, touch='tap-loose'))
  assert a['member']['id'] == m.admin.who(LOYALTY, 'c2')['id'], 'named, it is found'
  assert q.till.sale('sale-4', sale(1000))['member']['id'] == m.admin.who(LOYALTY, 'c1')['id']


@test('"touch": null is nobody; the touch before it is not kept for the next')
def _(z):
  m = z.merchant()
  p = m.pair()
  cents(m)
  p.reader.touch('tap-1', (LOYALTY, 'c1'))
  a = p.till.sale('sale-1', sale(1000, touch=None))
  assert a['member'] is None and kinds(a) == [], a
  assert p.till.sale('sale-2', sale(1000))['member'] is None


@test('a cleared touch is forgotten, once and for all; a used one cannot be')
def _(z):
  m = z.merchant()
  p = m.pair()
  cents(m)
  p.reader.touch('tap-1', (LOYALTY, 'c1'))
  first = p.till.ok('DELETE', '/v1/touches/tap-1')
  assert p.till.ok('DELETE', '/v1/touches/tap-1').raw == first.raw
  assert p.till.sale('sale-1', sale(1000))['member'] is None
  p.till.refused(409, 'conflict', 'PUT', '/v1/sales/sale-2', sale(1000, touch='tap-1'))
  p.till.refused(404, 'not-found', 'DELETE', '/v1/touches/never')
  p.till.refused(422, 'invalid', 'PUT', '/v1/sales/sale-3', sale(1000, touch='never'), at='/touch')
  p.reader.touch('tap-2', (LOYALTY, 'c1'))
  p.till.sale('sale-4', sale(1000))
  p.till.refused(409, 'conflict', 'DELETE', '/v1/touches/tap-2')


@test('an open sale does not use up the touch; the paid one does')
def _(z):
  m = z.merchant()
  p = m.pair()
  cents(m)
  p.reader.touch('tap-1', (LOYALTY, 'c1'))
  p.till.sale('sale-1', sale(500, state='open'))
  a = p.till.sale('sale-1', sale(1000))
  assert a['member'] is not None and effects(a, 'earned')[0]['amount'] == 1000, a


@test('people tap late: a paid sale is attached once')
def _(z):
  m = z.merchant()
  p = m.pair()
  cents(m)
  p.till.sale('sale-1', sale(1000))
  p.reader.touch('tap-1', (LOYALTY, 'c1'))
  a = p.till.ok('POST', '/v1/sales/sale-1/attach', {'id': 'late', 'touch': 'tap-1'})
  member = a['member']['id']
  assert a['sale'] == 'sale-1' and a['state'] == 'paid' and effects(a,
    'earned')[0]['amount'] == 1000, a
  assert p.till.ok('GET', '/v1/sales/sale-1')['member']['id'] == member
  p.till.refused(409, 'conflict', 'POST', '/v1/sales/sale-1/attach',
    {'id': 'later', 'identifiers': loyal('c2')})
  assert p.till.sale('sale-2', sale(1000))['member'] is None, 'the touch was used'
  a = p.till.ok('POST', '/v1/sales/sale-2/attach', {'id': 'late', 'identifiers': loyal('c1')})
  assert a['member']['id'] == member and effects(a, 'earned')[0]['balance'] == 2000, a
  p.till.returns('sale-1', 'r', ('1', '1'))
  assert points_of(m.admin, member, 'cents')['balance'] == 1000
  p.till.sale('open', sale(1000, state='open'))
  p.till.refused(409, 'conflict', 'POST', '/v1/sales/open/attach',
    {'id': 'late', 'identifiers': loyal('c1')})
  p.till.refused(404, 'not-found', 'POST', '/v1/sales/none/attach',
    {'id': 'late', 'identifiers': loyal('c1')})


@test('somebody new says ja after they paid, and is given the sale')
def _(z):
  m = z.merchant()
  p = m.pair()
  m.mug()
  p.reader.touch('tap', ('card', 'tok'))
  assert p.till.sale('sale', sale(1000))['member'] is None
  a = p.reader.answer('tap', 'join:mug', 'yes')
  member = a['member']['id']
  a = p.till.ok('POST', '/v1/sales/sale/attach', {'id': 'late', 'touch': 'tap'})
  assert a['member']['id'] == member and effects(a, 'earned')[0]['balance'] == 1, a
  p.till.sale('sale-2', sale(1000))
  p.till.refused(409, 'conflict', 'POST', '/v1/sales/sale-2/attach',
    {'id': 'late', 'identifiers': [{'kind': 'card', 'value': 'new'}]})
  p.till.refused(422, 'invalid', 'POST', '/v1/sales/sale-2/attach',
    {'id': 'late', 'touch': 'never'}, at='/touch')


@test('an unknown identifier in a sale: only what the merchant handed out makes a member')
def _(z):
  m = z.merchant()
  p = m.pair()
  cents(m)
  for kind, makes in (('loyalty_card', True), ('pass', True), ('code', True), ('card', False),
      ('par', False),
      ('alias', False), ('eid', False), ('phone', False), ('email', False)):
    value = '+32470123456' if kind == 'phone' else f'{kind}@example.org'
    a = p.till.sale(f'sale-{kind}', sale(1000, identifiers=[{'kind': kind, 'value': value}]))
    assert (a['member'] is not None) == makes, f'{kind}: {a}'
    assert (m.admin.who(kind, value) is not None) == makes, kind
    assert [x['type'] for x in effects(a) if x['type'] in ('joined', 'earned')] == (['joined',
      'earned'] if makes else []), a


@test('a dry run answers the same and changes nothing; with now it tries a date')
def _(z):
  m = z.merchant()
  p = m.pair()
  cents(m)
  m.points('later', per=1, starts=day(40))
  a = p.till.sale('known', sale(100, identifiers=loyal('c1')))
  member = a['member']['id']
  before = m.admin.ok('GET', f'/v1/members/{member}').raw
  a = p.till.sale('sale', sale(1000, identifiers=loyal('c1')), '?dry_run=true')
  assert a['state'] == 'paid' and [(e['programme'], e['balance']) for e in effects(a,
    'earned')] == [('cents', 1100)], a
  a = p.till.sale('sale', sale(1000, identifiers=loyal('c1')),
    f'?dry_run=true&now={quote(now(86400 * 50))}')
  assert sorted(e['programme'] for e in effects(a, 'earned')) == ['cents', 'later'], a
  a = p.till.sale('sale', sale(1000, identifiers=loyal('unknown')), '?dry_run=true')
  assert m.admin.who(LOYALTY, 'unknown') is None
  p.till.refused(404, 'not-found', 'GET', '/v1/sales/sale')
  assert m.admin.ok('GET', f'/v1/members/{member}').raw == before
  p.till.refused(422, 'invalid', 'PUT', f'/v1/sales/sale?now={quote(now())}', sale(1000))
  p.till.refused(422, 'invalid', 'PUT', '/v1/sales/sale?dry_run=perhaps', sale(1000))
  a = p.till.sale('sale', sale(1000, identifiers=loyal('c1')))
  assert effects(a, 'earned')[0]['balance'] == 1100, 'the id is still free'


@test('two identifiers of two members: the first counts, the office is told')
def _(z):
  m = z.merchant()
  p = m.pair()
  cents(m)
  for n in (1, 2):
    p.till.sale(f'sale-{n}', sale(100, identifiers=loyal(f'c{n}')))
  members = [m.admin.who(LOYALTY, f'c{n}')['id'] for n in (1, 2)]
  office = m.admin.stream()
  a = p.reader.touch('tap', (LOYALTY, 'c2'), (LOYALTY, 'c1'))
  assert a['member']['id'] == members[1], a
  told = office.expect('message')
  assert sorted(told['members']) == sorted(members), told
  assert 'c1' not in told['text'] and 'c2' not in told['text'], 'no personal data'
  a = p.reader.touch('tap-new', (LOYALTY, 'c1'), ('card', 'tok-new'))
  assert a['member']['id'] == members[0], a
  assert office.rest() == []
  office.close()


# ---- a shop day against a model

@test('a random shop day agrees with a model of twenty lines')
def _(z):
  m = z.merchant()
  p = m.pair()
  m.points('euro', per=100)
  m.programme('stamp', 'stamps', minimum=1000, needed=1000,
    reward={'code': 'x', 'name': {'nl': 'X'}})
  r = seeded('shop day')
  sales = {}   # id -> (customer, {line: [quantity left, unit price]})
  model = {}   # customer -> ids of sales
  for n in range(160):
    customer = f'c{r.randrange(12)}'
    act = r.random()
    if act < 0.65 or not sales:
      lines = {str(i + 1): [r.randint(1, 5), r.randint(1, 1500)] for i in range(r.randint(1, 4))}
      body = sale(*(line(i, q * price, str(q), unit_price=price) for i,
        (q, price) in lines.items()),
        identifiers=loyal(customer), number=f'R-{n}')
      p.till.sale(f's{n}', body)
      sales[f's{n}'] = lines
      model.setdefault(customer, []).append(f's{n}')
      if r.random() < 0.2:
        p.till.sale(f's{n}', body)  # a duplicate
    elif act < 0.9:
      id = r.choice(sorted(sales))
      some = [(i, r.randint(1, l[0])) for i, l in sales[id].items() if l[0] and r.random() < 0.6]
      if some:
        at = now()
        for _ in range(r.choice((1, 1, 2))):
          p.till.returns(id, f'r{n}', *((i, str(q)) for i, q in some), at=at)
        for i, q in some:
          sales[id][i][0] -= q
    else:
      id = r.choice(sorted(sales))
      first = p.till.call('PUT', f'/v1/sales/{id}', {'state': 'void'})
      if first.status == 200:
        sales[id] = {}
  for customer, ids in model.items():
    left = [sum(q * price for q, price in sales[id].values()) for id in ids]
    member = m.admin.who(LOYALTY, customer)
    got = {e['programme']: e['balance'] - e['debt'] for e in member['enrolments']}
    assert got == {'euro': sum(x // 100 for x in left), 'stamp': sum(x >= 1000 for x in left)}, (
      f'{customer}: {got}, {left}')
    history = m.admin.entries(member['id'], limit=7, programme='euro')
    assert sum(e['amount'] for e in history) == got['euro'], 'the history adds up'
  z.server.verify()


main()
