# SPDX-License-Identifier: Apache-2.0
"""The program itself, on a data folder of its own."""
import atexit
import ctypes
import json
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.parse

import database
from client import Client
from tap import DEADLINE, eventually, options


_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def _end_with_the_test():
  """In the child: however the test ends, killed too, its server gets a SIGTERM."""
  _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Server:
  """`zegel` on a data folder of its own, and on a database of its own if its store is PostgreSQL.
  start(), stop(), kill(); cli() runs its other commands; beside() is another on the same database."""
  running = set()
  merchant_type = None  # zegel.py sets it

  def __init__(self, folder=None, store=None, url=None):
    """store: sqlite or postgresql, default what --store says; url: that store, which is not removed."""
    self.binary = options().zegel
    self.store = 'postgresql' if url else store or options().store
    self.own_url = database.create() if self.store == 'postgresql' and not url else None
    self.url = url or self.own_url
    self.home = tempfile.mkdtemp(prefix='zegel-e2e-')
    self.data = folder or os.path.join(self.home, 'data')
    self.process = None
    self.port = None
    self.merchants = []
    atexit.register(self.remove)

  def beside(self):
    """Another server on the same database, with a copy of the keys; not started."""
    assert self.url, 'an embedded store has one server'
    other = Server(url=self.url)
    os.mkdir(other.data, 0o700)
    shutil.copy2(os.path.join(self.data, 'keys'), other.data)
    other.merchants = [self.merchant_type(other, m.id, m.admin.key) for m in self.merchants]
    return other

  def _where(self, command):
    """The flags that name data folder and store."""
    store = ['--store', self.url] if self.url and command != 'restore' else []
    return ['--data', self.data, *store]

  def cli(self, *args, data=True, check=True, timeout=60, env=None):
    """Runs a command and returns it when it ended; check: it must end with 0."""
    command = [self.binary, *args] + (self._where(args[0]) if data else [])
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
      timeout=timeout,
      stdin=subprocess.DEVNULL, env=dict(os.environ, **(env or {})))
    if check and done.returncode != 0:
      raise AssertionError(
        f'{" ".join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}')
    return done

  def init(self, merchants=1):
    """Makes the folder, with so many merchants; they wait in self.merchants."""
    made = [json.loads(self.cli('init', '--json').stdout)]
    for n in range(1, merchants):
      made.append(self.new_merchant(f'Merchant {n}'))
    self.merchants = [self.merchant_type(self, m['merchant'], m['admin_key']) for m in made]
    return self

  def new_merchant(self, name, *more):
    return json.loads(self.cli('merchant', 'new', '--name', name, '--json', *more).stdout)

  def start(self, *more, listen='127.0.0.1:0'):
    assert self.process is None, 'it runs already'
    out_path = os.path.join(self.home, 'serve.out')
    err_path = os.path.join(self.home, 'serve.err')
    with open(out_path, 'wb') as out, open(err_path, 'ab') as err:
      self.process = subprocess.Popen([self.binary, 'serve', *self._where('serve'), '--listen',
        listen, *more],
        stdout=out, stderr=err, stdin=subprocess.DEVNULL, start_new_session=True,
        preexec_fn=_end_with_the_test)
    Server.running.add(self)

    def listening():
      with open(out_path, encoding='utf-8', errors='replace') as out:
        for row in out:
          if row.startswith('listening on ') and row.endswith('\n'):
            return row.split()[-1]
      if self.process.poll() is not None:
        raise AssertionError(f'serve ended with {self.process.returncode}: {self.log()}')
      return None
    try:
      url = eventually(listening, 'the line "listening on ..."', max(DEADLINE, 20))
    except BaseException:
      self.kill()
      raise
    self.port = urllib.parse.urlsplit(url).port
    return self

  def log(self, most=2000):
    text = ''
    for name in ('serve.out', 'serve.err'):
      try:
        with open(os.path.join(self.home, name), encoding='utf-8', errors='replace') as file:
          text += file.read()[-most:]
      except OSError:
        pass
    return text

  def _ended(self, wait):
    process, self.process = self.process, None
    Server.running.discard(self)
    if process is None:
      return None
    try:
      return process.wait(wait)
    except subprocess.TimeoutExpired:
      process.kill()
      process.wait(10)
      raise AssertionError(f'serve did not end within {wait} s: {self.log()}') from None

  def stop(self, wait=30):
    """SIGTERM; returns the exit code."""
    if self.process:
      self.process.send_signal(signal.SIGTERM)
    return self._ended(wait)

  def kill(self):
    """SIGKILL."""
    if self.process:
      self.process.kill()
    return self._ended(10)

  def restart(self):
    code = self.stop()
    assert code == 0, f'SIGTERM ended serve with {code}: {self.log()}'
    return self.start()

  def alive(self):
    return self.process is not None and self.process.poll() is None

  def verify(self, check=True):
    return self.cli('verify', check=check)

  def client(self, key=None, name=''):
    return Client(self, key, name)

  def remove(self):
    self.kill()
    shutil.rmtree(self.home, ignore_errors=True)
    if self.own_url:
      url, self.own_url = self.own_url, None
      database.drop(url)
