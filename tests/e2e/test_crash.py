# SPDX-License-Identifier: Apache-2.0
"""kill -9 in the middle of load, several times on the same folder. After each: every acknowledged
answer asked again is the same bytes; what was on its way is settled by asking again; streams go on
without a gap; balances are those of a model; `zegel verify` passes.

Each worker is one shop corner (till, reader, its own customers) and does one thing after another,
so at most one of its requests is unknown when the power goes. All it does follows from the seed;
when the power goes, from the machine. """
import threading

from zegel import *

WORKERS = 6
EACH_ROUND = (500, 900)  # acknowledged writes before the kill


class Worker:
  def __init__(self, crash, n):
    self.crash, self.n = crash, n
    self.m, self.p = crash.m, crash.m.pair()
    self.r = seeded('crash', n)
    self.count = 0
    self.acked = []      # (client, method, path, body, raw)
    self.unknown = None  # (client, method, path, body, learn)
    self.sales = {}      # id -> [customer, {line: cents left}, state]
    self.held = set()    # rewards whose hold was acknowledged at this reader
    self.due, self.given = [], []
    self.open_touch = None
    self.seen = {}       # stream name -> events

  # ---- what it does

  def fresh(self, what):
    self.count += 1
    return f'{what}-{self.n}-{self.count}'

  def card(self, customer):
    return {'kind': 'loyalty_card', 'value': f'{self.n}/{customer}'}

  def step(self):
    """(client, method, path, body, learn): what comes next; learn(answer) is called once, when it
    is known to have happened."""
    till, reader, r = self.p.till, self.p.reader, self.r
    paid = [id for id, s in self.sales.items() if s[2] == 'paid' and s[0] is not None
      and any(s[1].values())]
    nobody = [id for id, s in self.sales.items() if s[2] == 'paid' and s[0] is None]
    opened = [id for id, s in self.sales.items() if s[2] == 'open']
    acts = ['touch', 'sale', 'sale', 'sale', 'sale', 'open', 'reference', 'nobody']
    acts += ['return', 'return', 'void'] if paid else []
    acts += ['attach'] if nobody else []
    acts += ['pay'] if opened else []
    acts += ['ja', 'ja', 'hold'] if self.due else []
    acts += ['give', 'give', 'release'] if self.held else []
    acts += ['reverse'] if self.given else []
    acts += ['clear'] if self.open_touch else []
    act = r.choice(acts)
    customer = r.randrange(4)

    if act == 'touch':
      id = self.fresh('touch')

      def learn(a):
        self.open_touch = id
      return reader, 'POST', '/v1/touches', {'id': id, 'identifiers': [self.card(customer)]}, learn
    if act == 'clear':
      id, self.open_touch = self.open_touch, None
      return till, 'DELETE', f'/v1/touches/{id}', None, lambda a: None
    if act in ('sale', 'open', 'nobody'):
      id, lines = self.fresh('sale'), {str(i + 1): r.randint(1, 2500)
        for i in range(r.randint(1, 4))}
      who = None if act == 'nobody' else customer
      body = sale(*(line(i, c) for i, c in lines.items()), number=id, state='open' if act == 'open'
        else 'paid',
        **({'touch': None} if who is None else {'identifiers': [self.card(who)]}))
      return till, 'PUT', f'/v1/sales/{id}', body, self.settled(id, who, lines, body)
    if act == 'pay':
      id = r.choice(sorted(opened))
      body = dict(self.sales[id][3], state='paid')
      return till, 'PUT', f'/v1/sales/{id}', body, self.settled(id, self.sales[id][0],
        self.sales[id][1], body)
    if act == 'return':
      id = r.choice(sorted(paid))
      some = [i for i, c in self.sales[id][1].items() if c and r.random() < 0.6] or [next(i for i,
        c in self.sales[id][1].items() if c)]

      def learn(a):
        for i in some:
          self.sales[id][1][i] = 0
      return till, 'POST', f'/v1/sales/{id}/returns', {'id': self.fresh('return'), 'at': now(),
        'lines': [{'line': i, 'quantity': '1'} for i in some]}, learn
    if act == 'void':
      whole = [id for id in paid if all(self.sales[id][1].values())]
      if not whole:
        return self.step()
      id = r.choice(sorted(whole))

      def learn(a):
        self.sales[id][1:3] = [{}, 'void']
      return till, 'PUT', f'/v1/sales/{id}', {'state': 'void'}, learn
    if act == 'attach':
      id = r.choice(sorted(nobody))

      def learn(a):
        self.sales[id][0] = customer
        self.owes(a)
      return till, 'POST', f'/v1/sales/{id}/attach', {'id': self.fresh('attach'),
        'identifiers': [self.card(customer)]}, learn
    if act == 'ja':
      touch, reward = self.r.choice(self.due)

      def learn(a):
        self.held.update(e['reward'] for e in effects(a, 'reward_held'))
        self.due = [d for d in self.due if d[1] != reward]
      return reader, 'POST', f'/v1/touches/{quote(touch)}/answers', {'id': self.fresh('ja'),
        'step': f'offer:{reward}', 'value': 'yes'}, learn
    if act == 'hold':
      reward = self.r.choice(self.due)[1]

      def learn(a):
        self.held.add(reward)
        self.due = [d for d in self.due if d[1] != reward]
      return till, 'POST', f'/v1/rewards/{reward}/hold', {'id': self.fresh('hold')}, learn
    if act in ('give', 'release'):
      reward = r.choice(sorted(self.held))

      def learn(a):
        self.held.discard(reward)
        if act == 'give':
          self.given.append(reward)
      return till, 'POST', f'/v1/rewards/{reward}/{act}', {'id': self.fresh(act)}, learn
    if act == 'reverse':
      reward = self.given.pop(r.randrange(len(self.given)))
      return till, 'POST', f'/v1/rewards/{reward}/reverse', {'id': self.fresh(
        'reverse')}, lambda a: None
    kind = r.choice(('shop', 'device', 'programme'))
    if kind == 'shop':
      return self.m.admin, 'POST', '/v1/shops', {'id': self.fresh('shop'),
        'name': 'New'}, lambda a: None
    if kind == 'device':
      return self.m.admin, 'POST', '/v1/devices', {'id': self.fresh('device'), 'shop': self.p.shop,
        'kind': 'screen', 'name': 'S'}, lambda a: None
    return self.m.admin, 'PUT', f'/v1/programmes/{self.fresh("p")}', {'template': 'points',
      'name': {'nl': 'P'}, 'starts': '2090-01-01',
      'joining': 'ask', 'state': 'draft', 'parameters': {'per': r.randint(1, 500)}}, lambda a: None

  def settled(self, id, who, lines, body):
    def learn(a):
      self.sales[id] = [who, dict(lines), body['state'], body]
      if body['state'] == 'paid':
        self.open_touch = None
        self.owes(a)
    return learn

  def owes(self, a):
    for e in effects(a, 'offer'):
      self.rewards_offered.append(e['reward'])

  # ---- under load

  def run(self):
    while not self.crash.stopping.is_set():
      client, method, path, body, learn = ask = self.step()
      self.unknown = ask
      try:
        answer = client.call(method, path, body)
      except Exception:
        return
      self.unknown = None
      self.take(ask, answer)

  def take(self, ask, answer):
    client, method, path, body, learn = ask
    if answer.status == 200:
      self.acked.append((client, method, path, body, answer.raw))
      learn(answer)
      self.crash.more()
    elif answer.status not in (409, 422):
      # 409, 422: a reward's points went back meanwhile, a touch was used
      raise AssertionError(f'{ask[1:4]}: {answer}')
    else:
      self.due = [d for d in self.due if d[1] not in path and d[1] not in str(body)]
      self.held = {w for w in self.held if w not in path}

  # ---- streams

  def listen(self):
    """Reads both streams to their end, on two threads."""
    def read(name, client):
      events = self.seen.setdefault(name, [])
      try:
        stream = client.stream(events[-1].id if events else 0)
        while True:
          try:
            event = stream.next(60)
          except TimeoutError:
            continue
          events.append(event)
          if event.type == 'steps':
            for s in event['steps']:
              self.due = self.due + [(event['touch'], s['id'].split(':', 1)[1])]
      except AssertionError as failure:
        self.crash.failures.append(failure)
      except Exception:
        pass  # the server is gone
    return [threading.Thread(target=read, args=a, daemon=True) for a in (('till', self.p.till),
      ('reader', self.p.reader))]


class Crash:
  def __init__(self, server):
    self.server, self.m = server, server.merchants[0]
    self.r = seeded('crash')
    self.m.points('cents', per=1)
    self.m.mug(needed=2, joining='auto')
    self.workers = [Worker(self, n) for n in range(WORKERS)]
    for w in self.workers:
      w.rewards_offered = []
    self.failures = []
    self.stopping = threading.Event()
    self.changed = threading.Condition()
    self.count = 0

  def more(self):
    with self.changed:
      self.count += 1
      self.changed.notify_all()

  def load_and_kill(self):
    self.stopping.clear()
    threads = [t for w in self.workers for t in w.listen()]
    threads += [threading.Thread(target=self.guarded, args=(w,), daemon=True) for w in self.workers]
    target = self.count + self.r.randint(*EACH_ROUND)
    for t in threads:
      t.start()
    with self.changed:
      assert self.changed.wait_for(lambda: self.count >= target or self.failures, 60), (
        f'the load stands at {self.count}')
    self.server.kill()
    self.stopping.set()
    for t in threads:
      t.join(30)
      assert not t.is_alive(), 'a thread hangs after the kill'
    assert not self.failures, self.failures[0]

  def guarded(self, worker):
    try:
      worker.run()
    except AssertionError as failure:
      self.failures.append(failure)
      with self.changed:
        self.changed.notify_all()

  def settle(self):
    """Asks again what was on its way, twice; then everything that was ever acknowledged."""
    unknown = 0
    for w in self.workers:
      if w.unknown:
        client, method, path, body, learn = ask = w.unknown
        w.unknown = None
        unknown += 1
        first, again = client.call(method, path, body), client.call(method, path, body)
        assert (first.status, first.raw) == (again.status, again.raw), f'{first} then {again}'
        w.take(ask, first)

    def ask_again(n):
      w = self.workers[n]
      for client, method, path, body, raw in w.acked:
        again = client.call(method, path, body)
        assert again.status == 200 and again.raw == raw, (
          f'{method} {path} {body}: {raw!r} then {again}')
    parallel(WORKERS, ask_again)
    return unknown

  def check_streams(self):
    for w in self.workers:
      for name, client in (('till', w.p.till), ('reader', w.p.reader)):
        with client.stream() as stream:
          whole = stream.rest(0.2)
        seen = [(e.id, e.type, e.data) for e in w.seen.get(name, [])]
        assert [(e.id, e.type, e.data) for e in whole][:len(seen)] == seen, (
          f'{name} {w.n}: the stream says something else now')
        heads = [e.id for e in whole]
        assert heads == list(range(1, len(heads) + 1)), heads
        if name == 'till':
          told = [e['reward'] for e in whole if e.type == 'reward_to_give']
          said = [a for a in w.acked if a[2].endswith('/answers') and b'reward_held' in a[4]]
          assert len(told) == len(said), f'{len(said)} times ja, {len(told)} times told'

  def check_model(self):
    for w in self.workers:
      for customer in range(4):
        member = self.m.admin.who(**w.card(customer))
        want = sum(sum(s[1].values()) for s in w.sales.values() if s[0] == customer
          and s[2] == 'paid')
        if member is None:
          assert want == 0, f'{customer} of {w.n} is unknown'
          continue
        e = next(e for e in member['enrolments'] if e['programme'] == 'cents')
        assert e['balance'] - e['debt'] == want, (
          f'customer {customer} of worker {w.n}: {e}, the model says {want}')


def rounds():
  return options().rounds


@test('kill -9 under load: nothing acknowledged is lost, nothing counts twice')
def _(z):
  server = z.own().start()
  crash = Crash(server)
  for round_ in range(rounds()):
    crash.load_and_kill()
    done = server.verify(check=False)
    assert done.returncode == 0, f'verify before the restart: {done.stdout}{done.stderr}'
    server.start()
    unknown = crash.settle()
    crash.check_streams()
    crash.check_model()
    kinds_seen = {(a[1], a[2].split('/')[2], a[2].split('/')[-1] if a[2].count('/') > 3 else '')
      for w in crash.workers for a in w.acked}
    note(f'round {round_ + 1}: {crash.count} acknowledged, {unknown} were on their way, '
      f'{len(kinds_seen)} kinds of write')
  wanted = {'touches', 'sales', 'rewards', 'shops', 'devices', 'programmes', 'answers', 'returns',
    'attach', 'hold', 'give', 'release'}
  seen = {part for k in kinds_seen for part in k}
  assert wanted <= seen, f'not under way: {wanted - seen}'
  assert server.stop() == 0
  server.verify()


main()
