# SPDX-License-Identifier: Apache-2.0
"""Two servers on one database, each with a copy of the keys: to a caller they are one."""
import http.client
import threading

import database
from writes import every_write
from zegel import *

CROWD = 64
LOYALTY = 'loyalty_card'


class Two:
  """Both servers, and clients of the second beside those of the first."""
  made = None

  @classmethod
  def get(cls):
    if database.absent():
      skip(database.absent())
    if cls.made is None:
      cls.made = cls()
    for server in (cls.made.first, cls.made.second):
      if not server.alive():
        server.kill()
        server.start()
    return cls.made

  def __init__(self):
    self.first = Server(store='postgresql').init(12).start()
    self.second = self.first.beside().start()

  def merchant(self):
    return self.first.merchants.pop()

  def other(self, client):
    """The same key at the second server."""
    twin = self.second.client(client.key, client.name + ' at the second')
    twin.id = client.id
    return twin

  def both(self, client):
    return client, self.other(client)

  def agree(self, m):
    """Waits until both know of the same shops, devices, keys and programmes."""
    here, there = self.both(m.admin)

    def look():
      return all(here.ok('GET', f'/v1/{what}').raw == there.ok('GET', f'/v1/{what}').raw
        for what in ('shops', 'devices', 'programmes'))
    eventually(look, 'both servers know the same')


@test('every kind of write sent to both at the same time, by sixteen: one answer, the same bytes')
def _(z):
  two = Two.get()
  m = two.merchant()
  kept = []
  for w in every_write(m, 'two'):
    two.agree(m)
    clients = two.both(w.client)
    answers = parallel(16, lambda n: clients[n % 2].call(w.method, w.path, w.body))
    assert {a.status for a in answers} == {200}, f'{w}: {sorted({str(a) for a in answers})}'
    assert len({a.raw for a in answers}) == 1, f'{w}: {sorted({a.raw for a in answers})}'
    kept.append((w, answers[0].raw))
  for w, first in kept:
    for client in two.both(w.client):
      again = client.call(w.method, w.path, w.body)
      assert again.status == 200 and again.raw == first, f'{w}: {first!r} then {again}'
      if w.other is not None:
        client.refused(409, 'id-reused', w.method, w.path, w.other)
  member = m.admin.who('card', 'tok-two')['id']
  history = [e['kind'] for e in m.admin.entries(member)]
  assert history.count('earned') == 2, history
  two.first.verify()


@test('two contents under one id, one at each server: one wins at both')
def _(z):
  two = Two.get()
  p = two.merchant().pair()
  two.agree(p.m)
  tills = two.both(p.till)
  bodies = [sale(1000, number='R-even'), sale(1000, number='R-odd')]
  for round_ in range(10):
    answers = parallel(8, lambda n: tills[n % 2].call('PUT', f'/v1/sales/sale-{round_}', bodies[n % 2]))
    won = {n % 2 for n, a in enumerate(answers) if a.status == 200}
    assert len(won) == 1, [str(a) for a in answers]
    for n, a in enumerate(answers):
      assert a.status == 200 if n % 2 in won else (a.status, a.name) == (409, 'id-reused'), str(a)


@test('sixty-four clients of two servers redeem the last reward at once: exactly one succeeds')
def _(z):
  two = Two.get()
  m = two.merchant()
  p = m.pair()
  m.mug(needed=2, joining='auto')
  two.agree(m)
  for n in (1, 2):
    a = p.till.sale(f'sale-{n}', sale(1000, identifiers=[{'kind': LOYALTY, 'value': 'c1'}]))
  reward, member = effects(a, 'offer')[0]['reward'], a['member']['id']
  tills = [two.both(two.first.client(p.till.key)) for _ in range(CROWD // 2)]
  tills = [t for pair in tills for t in pair]

  def act(n):
    return [tills[n].call('POST', f'/v1/rewards/{reward}/{what}', {'id': f'{what}-{n}'}).status
      for what in ('hold', 'give')]
  got = parallel(CROWD, act)
  assert [sum(s == 200 for s in column) for column in zip(*got)] == [1, 1], got
  assert {s for pair in got for s in pair} == {200, 409}, got
  e = points_of(two.other(m.admin), member, 'mug')
  assert (e['balance'], e['held']) == (0, 0), e
  assert [e['kind'] for e in m.admin.entries(member)].count('spent') == 1


@test('what one server answered the other knows at once')
def _(z):
  two = Two.get()
  m = two.merchant()
  p = m.pair()
  m.points('cents', per=1)
  two.agree(m)
  till, reader = two.other(p.till), two.other(p.reader)
  for n in range(10):
    here, there = (p.till, till) if n % 2 else (till, p.till)
    touching = p.reader if here is till else reader
    touching.touch(f'tap-{n}', (LOYALTY, 'c1'))
    a = here.sale(f'sale-{n}', sale(1000))
    assert a['member'] is not None and effects(a, 'earned')[0]['balance'] == (n + 1) * 500 + 500, a
    assert there.ok('GET', f'/v1/sales/sale-{n}').json == a.json
    there.returns(f'sale-{n}', 'r', ('1', '0.5'))
    assert here.ok('GET', f'/v1/sales/sale-{n}')['state'] == 'partly_returned'
  assert two.first.client().ok('GET', page_of(a)).raw == two.second.client().ok('GET', page_of(a)).raw


@test('the office works at one: the other follows')
def _(z):
  two = Two.get()
  m = two.merchant()
  p = m.pair()
  m.points('cents', per=1, state='paused')
  two.agree(m)
  body = sale(1000, identifiers=[{'kind': LOYALTY, 'value': 'c1'}])
  assert kinds(two.other(p.till).sale('paused', body)) == []
  m.points('cents', per=1)
  two.agree(m)
  assert kinds(two.other(p.till).sale('running', body)) == ['joined', 'earned']
  made = two.first.new_merchant('Made beside both')
  for server in (two.first, two.second):
    eventually(lambda: server.client(made['admin_key']).call('GET', '/v1/shops').status == 200, 'its key is known')


@test('the same members shop at both servers at once: the sums are those of a model')
def _(z):
  two = Two.get()
  m = two.merchant()
  p = m.pair()
  m.points('cents', per=1)
  m.mug(needed=3, joining='auto')
  two.agree(m)
  workers, customers, left = 8, 3, [0, 0, 0]
  lock = threading.Lock()

  def work(n):
    r = seeded('two servers', n)
    till = two.both(two.first.client(p.till.key))[n % 2]
    for count in range(20):
      id, customer, lines = f'{n}-{count}', r.randrange(customers), [r.randint(1, 2000), r.randint(1, 2000)]
      a = until_taken(till, 'PUT', f'/v1/sales/{id}', sale(*lines, number=id,
        identifiers=[{'kind': LOYALTY, 'value': f'm{customer}'}]))
      gone = 0
      if r.random() < 0.4:
        until_taken(till, 'POST', f'/v1/sales/{id}/returns', {'id': 'r', 'at': now(),
          'lines': [{'line': '1', 'quantity': '1'}]})
        gone = lines[0]
      with lock:
        left[customer] += sum(lines) - gone
      for e in effects(a, 'offer'):
        for act in ('hold', 'give'):
          till.call('POST', f'/v1/rewards/{e["reward"]}/{act}', {'id': f'{act}-{n}'})
  parallel(workers, work)
  for customer in range(customers):
    e = points_of(m.admin, m.admin.who(LOYALTY, f'm{customer}')['id'], 'cents')
    assert e['balance'] - e['debt'] == left[customer], (customer, e, left)
  two.second.verify()


def until_taken(client, method, path, body):
  """Busy is an answer that means: again, with the same id."""
  def ask():
    answer = client.call(method, path, body)
    assert answer.status == 200 or (answer.status == 503 and answer.headers['Retry-After']), str(answer)
    return answer if answer.status == 200 else None
  return eventually(ask, f'{method} {path} is taken')


@test('one server is killed under load: its callers go to the other, and nothing is lost')
def _(z):
  two = Two.get()
  m = two.merchant()
  p = m.pair()
  m.points('cents', per=1)
  two.agree(m)
  total, stop, enough = [0] * 6, threading.Event(), threading.Semaphore(0)
  acked = [[] for _ in total]

  def work(n):
    clients = list(two.both(two.first.client(p.till.key)))
    for count in range(100000):
      if stop.is_set():
        return
      id, amount = f'k-{n}-{count}', seeded('killed', n, count).randint(1, 5000)
      body = sale(amount, number=id, identifiers=[{'kind': LOYALTY, 'value': f'k{n}'}])
      try:
        answer = clients[0].call('PUT', f'/v1/sales/{id}', body)
      except (OSError, http.client.HTTPException):
        clients = clients[1:]  # the other, with the same id, and never back
        answer = clients[0].call('PUT', f'/v1/sales/{id}', body)
      assert answer.status == 200, str(answer)
      acked[n].append((id, body, answer.raw))
      total[n] += amount
      enough.release()

  def kill():
    try:
      for _ in range(200):
        assert enough.acquire(timeout=60)
      two.first.kill()
      for _ in range(100):
        assert enough.acquire(timeout=60)
    finally:
      stop.set()
  together(*(lambda n=n: work(n) for n in range(len(total))), kill)
  two.second.verify()
  two.first.start()
  for n, done in enumerate(acked):
    for id, body, raw in done:
      for till in two.both(two.first.client(p.till.key)):
        again = till.call('PUT', f'/v1/sales/{id}', body)
        assert again.status == 200 and again.raw == raw, f'{id}: {raw!r} then {again}'
    e = points_of(m.admin, m.admin.who(LOYALTY, f'k{n}')['id'], 'cents')
    assert e['balance'] == total[n], (n, e, total[n])


@test('both stop in order, and the store is whole')
def _(z):
  two = Two.get()
  assert two.first.stop() == 0 and two.second.stop() == 0
  two.first.verify()


@test('a stream at one server hears what the other wrote, numbered without a gap')
def _(z):
  two = Two.get()
  m = two.merchant()
  p = m.pair()
  m.points('p', per=100)
  two.agree(m)
  p.reader.touch('first', (LOYALTY, 'streams'))  # makes the member
  with two.other(p.till).stream(0) as stream:
    for n in range(6):
      reader = two.both(p.reader)[n % 2]
      reader.touch(f'tap-{n}', (LOYALTY, 'streams'))
    seen = []
    while not seen or seen[-1]['touch'] != 'tap-5':
      seen.append(stream.next())
  assert [e.id for e in seen] == list(range(seen[0].id, seen[0].id + len(seen))), seen
  assert [e['touch'] for e in seen][-6:] == [f'tap-{n}' for n in range(6)], seen


main()
