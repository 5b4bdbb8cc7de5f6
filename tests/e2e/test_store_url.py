# SPDX-License-Identifier: Apache-2.0
"""What the program says when --store leads nowhere: one line, what to do, exit code 1; never a password."""
import os
import socket

import database
import pg
from zegel import *

PASSWORD = 'hush-hush'
MOST = ('verify', 'serve')
ALL = (*MOST, 'migrate', 'merchant list', 'key list')
NOT_SERVE = ('verify', 'migrate')  # serve may wait for a database that is away


class Place:
  """A folder with keys, a database with a schema beside it, and a role that must say a password."""
  made = None

  @classmethod
  def get(cls):
    if database.absent():
      skip(database.absent())
    if cls.made is None:
      cls.made = cls()
    return cls.made

  def __init__(self):
    self.server = Server(store='postgresql').init()
    self.url = self.server.url
    if not database.sql(self.url, "SELECT 1 FROM pg_roles WHERE rolname = 'locked'"):
      database.sql(self.url, "CREATE ROLE locked LOGIN PASSWORD 'right'")

  def says(self, url, *words, commands=MOST):
    """Every command ends with 1 and says all of the words."""
    def run(n):
      command = commands[n].split()
      more = ['--listen', '127.0.0.1:0'] if command[0] == 'serve' else []
      done = self.server.cli(*command, '--data', self.server.data, '--store', url, *more, data=False, check=False)
      what = f'zegel {commands[n]} --store {url} ended with {done.returncode}: {done.stdout!r} {done.stderr!r}'
      lines = done.stderr.splitlines()
      assert done.returncode == 1 and len(lines) == 1 and not done.stdout, what
      assert lines[0].startswith(f'zegel {command[0]}: '), what
      for word in words:
        assert word in lines[0], f'{word!r} is missing: {what}'
      assert PASSWORD not in done.stderr, what
    parallel(len(commands), run)

  def with_query(self, user, more=''):
    return self.url.replace('user=postgres', f'user={user}{more}')


@test('a URL that is none, or of an engine that there is not')
def _(z):
  place = Place.get()
  looks = 'postgresql://USER@HOST'
  for url in ('mysql://host/x', 'zegel', 'http://host/x', 'sqlite'):
    place.says(url, looks, 'sqlite:/path/to/file')
  for url in (f'postgresql://u:{PASSWORD}@[/x', f'postgresql://u:{PASSWORD}@host/x?colour=red',
      'postgresql:///x?colour=red', 'postgres:/x', f'postgresql:///x?password={PASSWORD}&colour=red'):
    place.says(url, "the store's URL", looks)
  place.says(place.url + '&sslmode=perhaps', 'sslmode', 'look at the options in the URL')
  place.says(place.url + '&port=many', 'port', 'look at the options in the URL')
  place.says('postgresql:///' + 'x' * 900, '', commands=('verify',))


@test('a password that is wrong, or missing')
def _(z):
  place = Place.get()
  place.says(place.with_query('locked', f'&password={PASSWORD}'), 'the password in the URL',
    'is not that of the role', commands=ALL)
  place.says(place.with_query('locked', '&passfile=/no/such/file'), 'postgresql://USER:PASSWORD@HOST')
  place.says(place.url.replace('postgresql:///', f'postgresql://locked:{PASSWORD}@/').replace('&user=postgres', ''),
    'the password in the URL')


@test('a role, a database or a schema that is not there')
def _(z):
  place = Place.get()
  place.says(place.with_query('nobody_of_that_name'), 'createuser')
  place.says(database.other(place.url, 'nothing_of_that_name'), 'createdb')
  empty = database.create()
  place.says(empty, 'zegel migrate')
  database.drop(empty)
  latin = database.other(place.url, f'{database.name_of(place.url)}_latin')
  database.sql(place.url, f"CREATE DATABASE {database.name_of(latin)} TEMPLATE template0 ENCODING 'LATIN1'")
  place.says(latin, 'LATIN1', '-E UTF8')
  database.drop(latin)


@test('nothing listens: the database is away')
def _(z):
  place = Place.get()
  place.says(f'postgresql:///x?host={place.server.home}&user=postgres', 'the database is away', commands=NOT_SERVE)
  with socket.socket() as taken:
    taken.bind(('127.0.0.1', 0))  # and does not listen
    place.says(f'postgresql://u:{PASSWORD}@127.0.0.1:{taken.getsockname()[1]}/x', 'the database is away',
      commands=NOT_SERVE)


@test('a schema that is newer than the program, or older')
def _(z):
  place = Place.get()
  database.sql(place.url, "INSERT INTO schema_steps (name, applied_at) VALUES ('ledger-999', 1)")
  place.says(place.url, 'newer than this program', 'ledger-999', 'or a later one')
  database.sql(place.url, "DELETE FROM schema_steps WHERE name = 'ledger-999'")
  last = database.sql(place.url, "SELECT name, applied_at FROM schema_steps WHERE name = 'backup-1'")[0]
  database.sql(place.url, "DELETE FROM schema_steps WHERE name = 'backup-1'")
  place.says(place.url, '1 schema steps are missing', 'zegel migrate',
    commands=('verify', 'serve', 'merchant list', 'key list'))
  database.sql(place.url, f"INSERT INTO schema_steps (name, applied_at) VALUES ('{last[0]}', {last[1]})")
  place.server.verify()


@test('only a read-only standby answers: who reads may, who writes is told')
def _(z):
  place = Place.get()
  cluster = pg.Cluster()
  try:
    cluster.start()
    server = Server(url=database.create(base=cluster.url)).init()
    cluster.halt()
    with open(os.path.join(cluster.data, 'standby.signal'), 'w', encoding='ascii'):
      pass  # it follows nobody, and takes no writes
    cluster.serve_again()
    place.says(server.url, 'only a read-only standby answers', 'promote it', commands=('migrate', 'merchant new'))
    server.verify()
    server.remove()
  finally:
    cluster.stop()


@test('an init that could not reach its store left nothing, and works when it can')
def _(z):
  place, server = Place.get(), Server(store='postgresql')
  away = f'postgresql:///x?host={server.home}&user=postgres'
  for url in (away, database.other(server.url, 'nothing_of_that_name'), place.with_query('locked', '&password=x')):
    done = server.cli('init', '--data', server.data, '--store', url, data=False, check=False)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and not done.stdout, done
    assert not os.path.exists(server.data), f'{url}: it left {os.listdir(server.data)}'
  server.init().verify()
  refused = server.cli('init', check=False)
  assert refused.returncode == 1 and 'there already' in refused.stderr, refused.stderr


@test('a store that has merchants is not given other keys')
def _(z):
  place, embedded = Place.get(), Server(store='sqlite').init()
  file = 'sqlite:' + os.path.join(embedded.data, 'zegel.db')
  for url in (place.url, file):
    folder = os.path.join(embedded.home, 'other')
    done = embedded.cli('init', '--data', folder, '--store', url, data=False, check=False)
    assert done.returncode == 1, f'init made a merchant under other keys: {done.stdout}'
    assert 'a merchant in that store already: copy the keys' in done.stderr, done.stderr
    assert not os.path.exists(folder), f'it left {os.listdir(folder)}'
  away = os.path.join(embedded.home, 'elsewhere.db')
  embedded.cli('init', '--data', folder, '--store', f'sqlite:{away}', data=False)
  embedded.cli('verify', '--data', folder, '--store', f'sqlite:{away}', data=False)


main()
