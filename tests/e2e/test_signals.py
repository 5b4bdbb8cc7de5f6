# SPDX-License-Identifier: Apache-2.0
"""Commands that are ended in the middle: by the signal (130 for a shell that sent SIGINT), without a word,
with nothing half left behind. What replay leaves is in test_replay, what serve does in test_cli."""
import os
import signal
import sqlite3
import subprocess
import tempfile
import time

from zegel import *

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FILLER_MB = 96  # so that copying takes some time


def large(z):
  """A store that takes a while to copy."""
  server = z.own()
  db = sqlite3.connect(os.path.join(server.data, 'zegel.db'))
  db.execute('CREATE TABLE filler (n INTEGER PRIMARY KEY, body BLOB)')
  db.executemany('INSERT INTO filler VALUES (?, randomblob(1000000))', ((n,) for n in range(FILLER_MB)))
  db.commit()
  db.close()
  return server


def lives(group):
  try:
    os.killpg(group, 0)
    return True
  except ProcessLookupError:
    return False


def end(command, sig, begun, env=None):
  """Starts a command, sends the signal when begun() is true, returns (exit code, what it said)."""
  running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    stdin=subprocess.DEVNULL, env=dict(os.environ, **(env or {})), start_new_session=True)
  try:
    late = time.monotonic() + 30
    while not begun() and running.poll() is None:  # without a pause: a copy may take no longer than one
      assert time.monotonic() < late, f'{command} has not begun'
    running.send_signal(sig)
    _, said = running.communicate(timeout=60)
    eventually(lambda: not lives(running.pid), f'{command} left no process', 30)
    return running.returncode, said
  finally:
    running.kill()


def in_the_middle(attempt):
  """The first of some attempts that had not ended when the signal came: on a quick disk a copy may have."""
  for _ in range(20):
    ended = attempt()
    if ended[0] != 0:
      return ended
  raise AssertionError('always done before the signal came: make the store larger')


def broken_off(result, sig, what):
  code, said = result
  assert code == -sig and said == '', f'{what} ended with {code} on {sig}: {said}'


def backup_ended(server, folder, sig):
  """A backup to folder/b that the signal met in its middle."""
  file = os.path.join(folder, 'b')

  def attempt():
    for name in os.listdir(folder):
      os.unlink(os.path.join(folder, name))
    return end([server.binary, 'backup', file, '--data', server.data], sig, lambda: os.listdir(folder))
  return in_the_middle(attempt)


@test('a backup leaves no half file, and can be made again')
def _(z):
  server = large(z)
  for sig in ENDS:
    folder = os.path.join(server.home, f'backups-{sig}')
    os.mkdir(folder)
    file = os.path.join(folder, 'b')
    broken_off(backup_ended(server, folder, sig), sig, 'backup')
    assert os.listdir(folder) == [], os.listdir(folder)
  server.cli('backup', file)
  assert os.listdir(folder) == ['b'] and os.stat(file).st_mode & 0o077 == 0


@test('a backup that is killed leaves nothing of its name')
def _(z):
  server = large(z)
  folder = os.path.join(server.home, 'backups')
  os.mkdir(folder)
  file = os.path.join(folder, 'b')
  backup_ended(server, folder, signal.SIGKILL)
  assert not os.path.exists(file)
  server.cli('backup', file)


@test('a restore leaves an empty folder, and can be done again')
def _(z):
  server = large(z)
  file = os.path.join(server.home, 'b')
  server.cli('backup', file)
  copy = None
  for sig in ENDS:
    def attempt():
      nonlocal copy
      copy = Server()
      return end([server.binary, 'restore', file, '--data', copy.data], sig,
        lambda: os.path.isdir(copy.data) and os.listdir(copy.data))
    broken_off(in_the_middle(attempt), sig, 'restore')
    assert os.listdir(copy.data) == [], os.listdir(copy.data)
  copy.cli('restore', file)
  copy.verify()


@test('the demo, in the middle of its story: by the signal, and it goes on next time')
def _(z):
  for sig in (signal.SIGINT, signal.SIGTERM):
    server = Server()
    wal = os.path.join(server.data, 'zegel.db-wal')
    broken_off(end([server.binary, 'demo', '--once', '--data', server.data, '--listen', '127.0.0.1:0'],
      sig, lambda: os.path.exists(wal) and os.path.getsize(wal) > 50000), sig, 'demo')
    assert not os.path.exists(wal), 'the server was stopped as it should be'
    server.verify()
    server.cli('demo', '--once', '--listen', '127.0.0.1:0')


@test('the bench, at its beginning: no folder, no process')
def _(z):
  server = Server()
  for sig in ENDS:
    home = tempfile.mkdtemp(dir=server.home)
    code = end([server.binary, 'bench', '--quick'], sig, lambda: os.listdir(home), {'TMPDIR': home})
    broken_off(code, sig, 'bench')
    assert os.listdir(home) == [], os.listdir(home)


main()
