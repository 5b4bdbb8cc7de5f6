# SPDX-License-Identifier: Apache-2.0
"""The database fails under load: a primary and a synchronous standby, kill -9 of the primary and all its
processes, promotion. Nothing acknowledged is lost, nothing counts twice, and what callers see in between is
503 with Retry-After, never a wrong answer. And a database that is killed and comes back by itself, or is not
there yet when the server starts.

The clusters are this test's own, on sockets in folders of theirs; the server under test stays up throughout.
When the power goes follows from the load; what the load does, from the seed. """
import os
import random
import signal
import threading
import time

import database
import pg
from zegel import *

WORKERS = 6
CUSTOMERS = 3           # of each worker
BEFORE, AFTER = 300, 100  # acknowledged writes before the kill, and after the first that is answered again
PATIENCE = 0.02         # of a caller between two tries: the outage is the server's, not the callers' politeness


class Worker(threading.Thread):
  """One till. Everything has an id of its own and is asked for until it is answered."""

  def __init__(self, load, n):
    super().__init__(daemon=True)
    self.load, self.n = load, n
    self.till = load.m.pair().till
    self.r = seeded('failover', n)
    self.acked = []        # (method, path, body, raw)
    self.cents = [0] * CUSTOMERS
    self.again = 0         # tries that were answered by a 503,
    self.uncertain = 0     # and those of them whose commit nobody knows of

  def run(self):
    try:
      for count in range(1, 1000000):
        if self.load.stopping.is_set():
          return
        self.one(f'{self.n}-{count}')
    except BaseException as failure:  # noqa: B902 (the test raises it)
      self.load.failed(failure)

  def one(self, id):
    """A sale, and a third of them comes back in part."""
    customer, lines = self.r.randrange(CUSTOMERS), [self.r.randint(1, 2500) for _ in range(3)]
    body = sale(*lines, number=id, identifiers=[self.card(customer)])
    answer = self.until_answered('PUT', f'/v1/sales/{id}', body)
    assert answer['state'] == 'paid' and effects(answer, 'earned')[0]['amount'] == sum(lines), answer
    self.cents[customer] += sum(lines)
    if self.r.random() < 0.3:
      self.until_answered('POST', f'/v1/sales/{id}/returns',
        {'id': 'back', 'at': now(), 'lines': [{'line': '2', 'quantity': '1'}]})
      self.cents[customer] -= lines[1]

  def card(self, customer):
    return {'kind': 'loyalty_card', 'value': f'{self.n}/{customer}'}

  def until_answered(self, method, path, body):
    while True:
      answer = self.till.call(method, path, body)
      if answer.status == 200:
        self.acked.append((method, path, body, answer.raw))
        self.load.answered()
        return answer
      away(answer)
      self.again += 1
      self.uncertain += answer.name == 'uncertain'
      time.sleep(PATIENCE)


def away(answer):
  """All that a caller may see while the database is away."""
  assert answer.status == 503 and answer.name in ('store', 'uncertain', 'busy'), str(answer)
  assert answer.headers.get('Retry-After'), f'{answer} without Retry-After'


class Load:
  """Workers, and one that reads what was acknowledged, again and again."""

  def __init__(self, server):
    self.server, self.m = server, server.merchants[0]
    self.m.points('cents', per=1)
    self.workers = [Worker(self, n) for n in range(WORKERS)]
    self.stopping, self.changed = threading.Event(), threading.Condition()
    self.failures, self.count, self.last = [], 0, 0.0
    self.read = self.not_read = 0

  def __enter__(self):
    self.reader = threading.Thread(target=self.read_again, daemon=True)
    for thread in (*self.workers, self.reader):
      thread.start()
    return self

  def __exit__(self, *_):
    self.stopping.set()
    for thread in (*self.workers, self.reader):
      thread.join(60)
    assert not any(t.is_alive() for t in self.workers), 'a caller hangs'
    if self.failures:
      raise self.failures[0]

  def failed(self, failure):
    with self.changed:
      self.failures.append(failure)
      self.changed.notify_all()

  def answered(self):
    with self.changed:
      self.count, self.last = self.count + 1, time.monotonic()
      self.changed.notify_all()

  def until(self, look, what, seconds=60):
    with self.changed:
      assert self.changed.wait_for(lambda: self.failures or look(), seconds), f'{what}: {self.count} answered'
    if self.failures:
      raise self.failures[0]

  def again(self):
    return sum(w.again for w in self.workers)

  def more(self, count):
    target = self.count + count
    self.until(lambda: self.count >= target, f'{count} more answers')

  def read_again(self):
    """What a sale was answered is what it says when it is read: now, or later."""
    r = random.Random(0)
    try:
      while not self.stopping.is_set():
        worker = r.choice(self.workers)
        if not worker.acked:
          time.sleep(PATIENCE)
          continue
        path = r.choice(worker.acked)[1].split('/returns')[0]
        answer = worker.till.call('GET', path)
        if answer.status == 200:
          self.read += 1
          assert answer['sale'] == path.rsplit('/', 1)[1], str(answer)
        else:
          away(answer)
          self.not_read += 1
          time.sleep(PATIENCE)
    except BaseException as failure:  # noqa: B902
      self.failed(failure)

  def check(self):
    """Every acknowledged answer again, byte for byte; balances are those of the model."""
    def ask_again(n):
      for method, path, body, raw in self.workers[n].acked:
        again = self.workers[n].till.call(method, path, body)
        assert again.status == 200 and again.raw == raw, f'{method} {path}: {raw!r} then {again}'
    parallel(WORKERS, ask_again)
    for w in self.workers:
      for customer, cents in enumerate(w.cents):
        member = self.m.admin.who(**w.card(customer))
        e = points_of(self.m.admin, member['id'], 'cents') if member else {'balance': 0, 'debt': 0}
        assert e['balance'] - e['debt'] == cents, f'customer {customer} of {w.n}: {e}, the model says {cents}'
    return sum(len(w.acked) for w in self.workers)


def health(server):
  return server.client().call('GET', '/health')['status']


def need_postgres():
  if database.absent():
    skip(database.absent())


class Cluster(pg.Cluster):
  """One that ends with its `with`."""

  def __enter__(self):
    return self

  def __exit__(self, *_):
    self.stop()


def follow(primary, standby):
  """Makes the standby, and lets no commit be answered that it has not."""
  standby.standby_of(primary, 'two')
  database.sql(primary.url, "ALTER SYSTEM SET synchronous_standby_names = 'two'", 'SELECT pg_reload_conf()')
  eventually(lambda: database.sql(primary.url, "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"),
    'the standby follows', 60)


def hold_commits(primary):
  """Stops what sends to the standby: commits are on the primary's disk, and wait to be on both."""
  sender = int(database.sql(primary.url, 'SELECT pid FROM pg_stat_replication')[0][0])
  assert sender in pg.family(primary.server.pid), sender
  os.kill(sender, signal.SIGSTOP)
  eventually(lambda: int(database.sql(primary.url,
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")[0][0]) >= 2, 'commits wait')


def fail_over(before_the_kill=lambda primary: None):
  """Load, the kill, the promotion, more load; returns how many callers were told that nobody knows."""
  with Cluster() as primary, Cluster() as standby:
    primary.start()
    follow(primary, standby)
    one = database.create(base=primary.url)
    name = database.name_of(one)
    eventually(lambda: database.sql(standby.url, f"SELECT 1 FROM pg_database WHERE datname = '{name}'"),
      'the standby has the database', 60)
    server = Server(url=one.replace(primary.folder, f'{primary.folder},{standby.folder}')).init().start()
    assert health(server) == 'ok'
    with Load(server) as load:
      load.more(BEFORE)
      before_the_kill(primary)
      primary.kill()
      killed = time.monotonic()
      eventually(lambda: health(server) == 'degraded', 'health says that it is degraded', 20)
      before, tried = load.count, load.again()
      eventually(lambda: load.again() > tried + WORKERS, 'callers are told to come again')
      assert load.count == before, 'answered by a primary that is dead'
      standby.promote()
      promoted = time.monotonic()
      load.until(lambda: load.count > before, 'sales are answered again', 30)
      first = time.monotonic()
      load.more(AFTER)
      eventually(lambda: health(server) == 'ok', 'health says that it is well again')
    assert server.alive(), server.log()
    outage, uncertain = max(0.0, first - promoted), sum(w.uncertain for w in load.workers)
    note(f'{load.check()} acknowledged, 0 lost; 503 {load.again()} times for writes ({uncertain} uncertain), '
      f'{load.not_read} times for reads; outage {outage:.2f} s after the promotion, {first - killed:.2f} s after '
      'the kill')
    assert outage <= 5, f'{outage:.2f} s from the promotion to the first answer'
    server.verify()
    assert server.stop() == 0
    server.verify()
    server.remove()
    return uncertain


@test('the primary is killed under load and its standby promoted: nothing acknowledged is lost')
def _(z):
  need_postgres()
  fail_over()


@test('the same while commits wait for the standby: they were not acknowledged, and are done once')
def _(z):
  need_postgres()
  uncertain = fail_over(hold_commits)
  assert uncertain >= 2, f'{uncertain} of those who waited were told that nobody knows'


@test('the database is killed under load and comes back: nothing acknowledged is lost')
def _(z):
  need_postgres()
  with Cluster() as cluster:
    cluster.start()
    server = Server(url=database.create(base=cluster.url)).init().start()
    with Load(server) as load:
      for round_ in range(2):
        load.more(BEFORE // 2)
        cluster.kill()
        eventually(lambda: health(server) == 'degraded', 'health says that it is degraded', 20)
        cluster.serve_again()
        load.more(AFTER)
        eventually(lambda: health(server) == 'ok', 'health says that it is well again')
    note(f'{load.check()} acknowledged, 0 lost')
    assert server.stop() == 0
    server.verify()
    server.remove()


@test('a server that starts while the database is away comes up, says so, and recovers by itself')
def _(z):
  need_postgres()
  with Cluster() as cluster:
    cluster.start()
    server = Server(url=database.create(base=cluster.url)).init().start()
    m = server.merchants[0]
    p = m.pair()
    m.points('cents', per=1)
    body = sale(1000, identifiers=[{'kind': 'loyalty_card', 'value': 'c1'}])
    before = p.till.sale('before', body)
    assert server.stop() == 0
    cluster.halt()
    server.start()
    assert health(server) == 'degraded'
    away(p.till.call('PUT', '/v1/sales/before', body))
    cluster.serve_again()
    eventually(lambda: health(server) == 'ok', 'health says that it is well', 30)
    assert p.till.sale('before', body).raw == before.raw
    assert p.till.sale('after', body)['state'] == 'paid'
    assert server.stop() == 0
    server.verify()
    server.remove()


main()
