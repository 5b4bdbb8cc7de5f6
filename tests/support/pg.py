#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL cluster for the tests: in a temporary folder, on a Unix socket in it and nowhere else, by a
server of its own; ended and removed when the tests are. No service of the system is touched. PostgreSQL does
not run as root: for root it runs as `postgres`, whom Debian's package makes, else as `nobody`.

As a command it runs another one beside such a cluster, whose address that finds in ZEGEL_TEST_POSTGRES:
    tests/support/pg.py build/src/store/contract_test
"""
import ctypes
import glob
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

VARIABLE = 'ZEGEL_TEST_POSTGRES'
# Everybody, but one for whom a password is asked.
WHO_MAY = 'local all locked scram-sha-256\nlocal all,replication all trust\n'
START_S = 60  # how long the server may take to come up
SETTINGS = ('listen_addresses=', 'fsync=on', 'max_connections=200', 'shared_buffers=64MB', 'autovacuum=off',
  'max_prepared_transactions=10', 'log_min_messages=error', 'deadlock_timeout=100ms')
PDEATHSIG = 1  # prctl: end it when we are gone, however we went


def folder_of_programs():
  """Where the newest server there is has its programs; None: there is none."""
  found = [(int(m[1]), os.path.dirname(path)) for path in glob.glob('/usr/lib/postgresql/*/bin/postgres')
    if (m := re.search(r'/postgresql/(\d+)/', path))]
  if found:
    return max(found)[1]
  path = shutil.which('postgres')
  return os.path.dirname(os.path.realpath(path)) if path else None


def server_user():
  """(uid, gid) that the server runs as; None: as we do."""
  if os.getuid() != 0:
    return None
  for name in ('postgres', 'nobody'):
    try:
      entry = pwd.getpwnam(name)
      return entry.pw_uid, entry.pw_gid
    except KeyError:
      pass
  return None


def family(pid):
  """A process and all that came from it, as far as it is still there."""
  found = [pid]
  for one in found:
    try:
      for thread in os.listdir(f'/proc/{one}/task'):
        with open(f'/proc/{one}/task/{thread}/children', encoding='ascii') as children:
          found += [int(child) for child in children.read().split()]
    except OSError:
      pass  # it has ended
  return found


def alive(pid):
  try:
    with open(f'/proc/{pid}/stat', encoding='ascii', errors='replace') as stat:
      return stat.read().rsplit(')', 1)[1].split()[0] not in 'ZX'
  except OSError:
    return False


class Cluster:
  """start() makes it and returns its URL, stop() ends and removes it; standby_of() makes it a standby of
  another one, promote() ends that; kill() is the power that goes."""

  def __init__(self):
    self.programs, self.user = folder_of_programs(), server_user()
    self.folder, self.data, self.server, self.url = None, None, None, None

  def start(self):
    self._make_folder()
    self._run('initdb', '-D', self.data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync', '--no-instructions')
    with open(os.path.join(self.data, 'pg_hba.conf'), 'w', encoding='ascii') as who:
      who.write(WHO_MAY)
    return self._serve()

  def standby_of(self, primary, name):
    """Copies the primary and follows it; by that name the primary may wait for it."""
    self._make_folder()
    self._run('pg_basebackup', '-D', self.data, '-h', primary.folder, '-U', 'postgres', '-R', '-X', 'stream',
      '--checkpoint=fast', '--no-sync')
    return self._serve(f'cluster_name={name}')

  def promote(self):
    """Returns when the standby has become a primary."""
    self._run('pg_ctl', 'promote', '-D', self.data, '-w')

  def kill(self):
    """SIGKILL to the server and every process of it, which is stopped first, so that none is born meanwhile.
    Returns when all are gone."""
    self.server.send_signal(signal.SIGSTOP)
    pids = family(self.server.pid)
    for pid in pids:
      try:
        os.kill(pid, signal.SIGKILL)
      except ProcessLookupError:
        pass
    self.server.wait()
    self._until(lambda: not any(map(alive, pids)), 'is still there after SIGKILL')

  def halt(self):
    """Ends the server in an orderly way, without waiting for who is connected."""
    self.server.send_signal(signal.SIGINT)
    self.server.wait(START_S)

  def serve_again(self):
    """The same cluster after kill() or halt()."""
    return self._serve()

  def _make_folder(self):
    self.folder = tempfile.mkdtemp(prefix='zegel-pg-', dir='/tmp')  # a socket's path is at most 107 bytes
    os.chmod(self.folder, 0o755)
    if self.user:
      os.chown(self.folder, *self.user)
    self.data = os.path.join(self.folder, 'data')

  def _serve(self, *more):
    settings = [part for setting in (*SETTINGS, *more) for part in ('-c', setting)]
    with open(os.path.join(self.folder, 'log'), 'ab') as log:
      self.server = subprocess.Popen([os.path.join(self.programs, 'postgres'), '-D', self.data, '-k', self.folder, *settings],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, preexec_fn=self._end_with_us,
        **self._as_user())
    self._wait(os.path.join(self.data, 'postmaster.pid'))
    self.url = f'postgresql:///postgres?host={self.folder}&user=postgres'
    return self.url

  def stop(self):
    if self.server and self.server.poll() is None:
      self.server.send_signal(signal.SIGQUIT)  # at once: nothing of it is wanted
      try:
        self.server.wait(20)
      except subprocess.TimeoutExpired:
        self.server.kill()
        self.server.wait()
    for _ in range(50):  # what initdb began may write for a moment longer
      if not self.folder or not os.path.exists(self.folder):
        break
      shutil.rmtree(self.folder, ignore_errors=True)
      time.sleep(0.02)
    self.server, self.folder = None, None

  def log(self):
    with open(os.path.join(self.folder, 'log'), encoding='utf-8', errors='replace') as log:
      return log.read()

  @staticmethod
  def _end_with_us():
    ctypes.CDLL(None).prctl(PDEATHSIG, signal.SIGQUIT, 0, 0, 0)

  def _as_user(self):
    return {'user': self.user[0], 'group': self.user[1], 'extra_groups': [], 'cwd': self.folder} if self.user else {}

  def _run(self, program, *arguments):
    done = subprocess.run([os.path.join(self.programs, program), *arguments], stdin=subprocess.DEVNULL,
      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **self._as_user())
    if done.returncode:
      raise OSError(f'{program}: {done.stdout}')

  def _wait(self, pid_file):
    """The last line of the server's pid file says when it takes connections."""
    def ready():
      try:
        with open(pid_file, encoding='ascii') as lines:
          words = lines.read().split()
          return words[0] == str(self.server.pid) and words[-1] == 'ready'
      except (OSError, IndexError):
        return self.server.poll() is not None
    self._until(ready, 'did not start')
    if self.server.poll() is not None:
      raise OSError('the PostgreSQL of the tests did not start: ' + self.log())

  def _until(self, what, else_):
    end = time.monotonic() + START_S
    while not what():
      if time.monotonic() > end:
        raise OSError(f'the PostgreSQL of the tests {else_}: ' + self.log())
      time.sleep(0.02)


def main():
  cluster = Cluster()
  if not cluster.programs:
    sys.exit('there is no PostgreSQL server here')
  signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
  try:
    return subprocess.run(sys.argv[1:], env=dict(os.environ, **{VARIABLE: cluster.start()}), check=False).returncode
  except KeyboardInterrupt:
    return 130
  finally:
    cluster.stop()


if __name__ == '__main__':
  sys.exit(main())
