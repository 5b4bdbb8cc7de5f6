# SPDX-License-Identifier: Apache-2.0
"""Event streams: numbered without a gap, resumed anywhere, over a restart; none holds up
another."""
from zegel import *

CARD = ('loyalty_card', 'c1')


def here(p, count, begin=0, card=CARD):
  """That many touches of a known member: each is one member_here at the till."""
  for n in range(begin, begin + count):
    p.reader.touch(f'tap-{n}', card)
  return [f'tap-{n}' for n in range(begin, begin + count)]


def shop(z, **more):
  m = z.merchant()
  p = m.pair()
  m.points('p', per=100, **more)
  p.reader.touch('first', CARD)  # makes the member
  return m, p


@test('resumed at any number, it goes on with the next, with the same bytes')
def _(z):
  m, p = shop(z)
  taps = here(p, 9)
  with p.till.stream() as stream:
    first = stream.rest()
  assert [e.id for e in first] == list(range(1, len(first) + 1)), first
  assert [e['touch'] for e in first][-9:] == taps, first
  for last in range(len(first) + 1):
    with p.till.stream(last) as stream:
      again = stream.rest(0.1)
    assert [(e.id, e.type, e.data) for e in again] == [(e.id, e.type, e.data)
      for e in first[last:]], last


@test('over a restart: the numbers go on')
def _(z):
  m, p = shop(z)
  here(p, 3)
  stream = p.till.stream()
  seen = [stream.next() for _ in range(3)]
  z.server.restart()
  assert stream.ended(), 'the old stream has ended'
  here(p, 3, 3)
  with p.till.stream(seen[-1].id) as stream:
    more = stream.rest()
  assert [e['touch'] for e in more][-3:] == ['tap-3', 'tap-4', 'tap-5'], more
  with p.till.stream() as stream:
    assert [(e.id, e.data) for e in stream.rest()][:3] == [(e.id, e.data) for e in seen]


@test('without Last-Event-ID it begins now')
def _(z):
  m, p = shop(z)
  here(p, 3)
  with p.till.stream(None) as stream:
    here(p, 1, 3)
    assert stream.expect('member_here')['touch'] == 'tap-3'


@test('a number from after the backup begins now')
def _(z):
  m, p = shop(z)
  here(p, 3)
  with p.till.stream() as stream:
    head = stream.rest()[-1].id
  for last in (head + 1, 10 ** 17):
    with p.till.stream(last) as stream:
      p.reader.touch(f'tap-after-{last}', CARD)
      stream.last = head  # what it shall go on with
      assert stream.expect('member_here')['touch'] == f'tap-after-{last}'
    head += 1


@test('two streams of one device both get everything')
def _(z):
  m, p = shop(z)
  with p.till.stream() as one, p.till.stream() as two:
    here(p, 5)
    a, b = one.rest(), two.rest()
  assert [(e.id, e.data) for e in a] == [(e.id, e.data) for e in b] and len(a) >= 5


@test('eight readers at one till: one order, no gap, nothing twice')
def _(z):
  m, p = shop(z)
  readers = [m.device(p.shop, 'reader', p.till.id) for _ in range(8)]
  for n in range(8):
    readers[n].touch(f'make-{n}', ('loyalty_card', f'r{n}'))
  with p.till.stream() as stream:
    parallel(8, lambda n: [readers[n].touch(f't-{n}-{i}', ('loyalty_card', f'r{n}'))
      for i in range(10)])
    seen = [e['touch'] for e in stream.rest(1)]
  mine = [t for t in seen if t.startswith('t-')]
  assert len(mine) == len(set(mine)) == 80, len(mine)
  for n in range(8):
    assert [t for t in mine if t.startswith(f't-{n}-')] == [f't-{n}-{i}' for i in range(10)], (
      'each reader in its order')


@test('a stream that nobody reads holds up no one, and has it all when somebody does')
def _(z):
  m, p = shop(z)
  lazy = p.till.stream(buffer=2048)
  taps = here(p, 150)
  with p.till.stream() as quick:
    assert [e['touch'] for e in quick.rest()][-150:] == taps
  assert [e['touch'] for e in lazy.rest(1)][-150:] == taps
  lazy.close()


@test('an offer that arises from a sale without a touch opens one')
def _(z):
  m = z.merchant()
  p = m.pair()
  m.mug(needed=1, joining='auto')
  with p.reader.stream() as stream:
    a = p.till.sale('sale', sale(1000, identifiers=[{'kind': 'loyalty_card', 'value': 'c1'}]))
    steps = stream.expect('steps')
  reward = effects(a, 'offer')[0]['reward']
  assert [s['id'] for s in steps['steps']] == [f'offer:{reward}'], steps
  a = p.reader.answer(steps['touch'], f'offer:{reward}', 'yes')
  assert kinds(a) == ['reward_held'], a
  with p.till.stream() as stream:
    assert stream.until('reward_to_give')['touch'] == steps['touch']


@test('nobody hears what happens at another till')
def _(z):
  m, p = shop(z)
  q = m.pair()
  with q.till.stream() as stream:
    here(p, 3)
    q.reader.touch('mine', CARD)
    assert [e['touch'] for e in stream.rest()] == ['mine']


@test('Last-Event-ID that is no number')
def _(z):
  m, p = shop(z)
  for bad in ('abc', '-1', '1.5', '9' * 30, '1 2'):
    p.till.refused(422, 'invalid', 'GET', '/v1/events', headers={'Last-Event-ID': bad})


@test('sixty streams at once, each its own')
def _(z):
  m = z.merchant()
  m.points('p', per=100)
  shop_ = m.shop()
  pairs = [m.pair(shop_) for _ in range(30)]
  for n, p in enumerate(pairs):
    p.reader.touch(f'make-{n}', ('loyalty_card', f'c{n}'))
  streams = [(p.till.stream(), p.reader.stream()) for p in pairs]
  parallel(30, lambda n: pairs[n].reader.touch(f'tap-{n}', ('loyalty_card', f'c{n}')))
  for n, (till, reader) in enumerate(streams):
    assert till.until('member_here')['touch'] in (f'make-{n}', f'tap-{n}'), n
    till.close()
    reader.close()


main()
