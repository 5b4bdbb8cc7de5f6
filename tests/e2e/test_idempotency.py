# SPDX-License-Identifier: Apache-2.0
"""The same id with the same content gets the same answer, byte for byte; with other content a 409
and no change. For every kind of write: twice, written differently, by sixteen at once, after a
restart."""
from writes import every_write
from zegel import *

NOT_WRITES = {'POST /v1/members/search', 'POST /v1/programmes/{code}/dry-run'}
checked = []  # (write, first raw answer): asked again after the restart


@test('every kind of write twice, and as another client would write it')
def _(z):
  done = set()
  for w in every_write(z.merchant()):
    first = w.send()
    assert first.status == 200, first
    again = w.send()
    assert again.status == 200 and again.raw == first.raw, f'{w}: {first.raw!r} then {again.raw!r}'
    if w.body is not None:
      other = w.send(raw=spaced(w.body))
      assert other.status == 200 and other.raw == first.raw, f'{w} written otherwise: {other}'
    checked.append((w, first.raw))
    done.add(str(document().find(w.method, w.path)))
  writes = {str(o) for o in document().operations if o.method != 'GET'} - NOT_WRITES
  assert done == writes, f'add to every_write(): {writes - done}'


@test('the same id with other content is refused and changes nothing')
def _(z):
  for w, first in checked:
    if w.other is not None:
      a = w.client.refused(409, 'id-reused', w.method, w.path, w.other)
      assert a.get('at') == ('/id' if 'id' in w.other else None), f'{w}: {a}'
      again = w.send()
      assert again.raw == first, f'{w}: the refusal changed its answer: {again}'


@test('an answer, once refused, is the same refusal again')
def _(z):
  m = z.merchant()
  p = m.pair()
  p.till.sale('sale', sale(1000))
  bad = {'id': 'back', 'at': now(), 'lines': [{'line': '1', 'quantity': '2'}]}
  for _ in range(2):
    p.till.refused(422, 'invalid', 'POST', '/v1/sales/sale/returns', bad)
  good = dict(bad, lines=[{'line': '1', 'quantity': '1'}])
  assert p.till.ok('POST', '/v1/sales/sale/returns', good)['return'] == 'back', (
    'a refusal uses up no id')


@test('sixteen at once get one answer')
def _(z):
  m = z.merchant()
  for w in every_write(m, 'crowd'):
    answers = parallel(16, lambda n: w.send())
    assert {a.status for a in answers} == {200}, f'{w}: {sorted({str(a) for a in answers})}'
    assert len({a.raw for a in answers}) == 1, f'{w}: {sorted({a.raw for a in answers})}'
    checked.append((w, answers[0].raw))
  member = m.admin.who('card', 'tok-crowd')['id']
  history = [(e['kind'], e['amount']) for e in m.admin.entries(member)]
  assert [k for k, _ in history].count('earned') == 2, history
  assert len({d['name'] for d in m.admin.ok('GET', '/v1/devices')['devices']}) == 2, (
    'one till, one reader')


@test('sixteen at once with two contents: one content wins, the other is told so')
def _(z):
  m = z.merchant()
  p = m.pair()
  bodies = [sale(1000, number='R-even'), sale(1000, number='R-odd')]
  for round_ in range(5):
    answers = parallel(16, lambda n: p.till.call('PUT', f'/v1/sales/sale-{round_}', bodies[n % 2]))
    won = {n % 2 for n, a in enumerate(answers) if a.status == 200}
    assert len(won) == 1, [a.status for a in answers]
    for n, a in enumerate(answers):
      assert a.status == 200 if n % 2 in won else (a.status, a.name) == (409, 'id-reused'), a


@test('ids count within their merchant, answers within their touch, returns within their sale')
def _(z):
  first, second = z.merchant(), z.merchant()
  pairs = [first.pair(), second.pair()]
  for p in pairs:
    p.till.sale('same', sale(1000 if p is pairs[0] else 2000))
    p.till.sale('other', sale(3000))
    for name in ('same', 'other'):
      assert p.till.returns(name, 'back', ('1', '1'))['return'] == 'back'
  first.mug()
  for n in (1, 2):
    pairs[0].reader.touch(f'tap-{n}', ('card', f'tok-{n}'))
    pairs[0].reader.answer(f'tap-{n}', 'join:mug', 'yes', id='answer')
  assert first.admin.who('card', 'tok-1')['id'] != first.admin.who('card', 'tok-2')['id']


@test('ids may be anything of 1 to 200 bytes')
def _(z):
  p = z.merchant().pair()
  for n, id in enumerate(('a/b', 'a b', 'é' * 100, '%2F', '..', '.', '?', '#x', 'x' * 200,
      '{"id":1}', '+', "';--", '\U0001f35e')):
    a = p.till.sale(id, sale(100 + n))
    assert a['sale'] == id, a
    assert p.till.ok('GET', f'/v1/sales/{quote(id)}').json == a.json
  for id in ('x' * 201, 'é' * 101):
    p.till.refused(422, 'invalid', 'PUT', f'/v1/sales/{quote(id)}', sale(100))


@test('after a restart every answer is the same, byte for byte')
def _(z):
  z.server.restart()
  for w, first in checked:
    again = w.send()
    assert again.status == 200 and again.raw == first, f'{w}: {first!r} then {again}'
    if w.other is not None:
      w.client.refused(409, 'id-reused', w.method, w.path, w.other)
  z.server.verify()


main()
