#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every test file there is and counts the points they print (TAP): what meson knows (C), tests/tidy and
tests/e2e. One line for each file, failures in full, and last of all `N passed, N failed`. Ends with 0 if
nothing failed.

Each file runs in a session of its own with a temporary folder of its own. Whatever it leaves running is
ended and whatever it leaves lying there is removed; nothing that was not started from here is touched.

To add a kind of test file: a function like meson_files(), and a call of it in main().
"""
import argparse
import ctypes
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, os.path.join(ROOT, 'tests', 'support'))
import pg  # noqa: E402

PYTHON = '/usr/bin/python3'
# Run under sanitizers too; the others of tests/e2e are many calls of the same paths, or measure time.
QUICK = {'story', 'demo', 'programmes', 'rewards', 'events', 'tenants'}
# Of tests/e2e those that matter for a store: they run on PostgreSQL as well.
BOTH = {'story', 'crash', 'idempotency', 'rewards', 'sales', 'verify'}
POINT = re.compile(r'(not )?ok\b\s*\d*\s*-?\s*(.*)')
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER: what our children leave behind becomes ours


class File:
  """One test program: how it is run, and what came of it."""

  def __init__(self, name, command, env=None, tap=True, slow=0):
    self.name, self.command, self.env, self.tap, self.slow = name, command, env or {}, tap, slow
    self.passed, self.skipped, self.failures, self.seconds = 0, 0, [], 0.0
    self.output, self.errors = '', ''  # standard output, which is TAP, and standard error


# ---- what there is to run ----

def meson_files(build):
  listed = subprocess.run(['meson', 'introspect', '--tests', build], stdout=subprocess.PIPE, check=True, text=True,
    stdin=subprocess.DEVNULL)
  return [File(t['name'], t['cmd'], t['env'], t['protocol'] == 'tap', t['timeout']) for t in json.loads(listed.stdout)]


def python_files(folder, env):
  return [File(f'{folder}/{short_name(path)}', [PYTHON, path], env, slow=1000)
    for path in sorted(glob.glob(os.path.join(ROOT, 'tests', folder, '*test*.py')))
    if re.search(r'(^test_|_test\.py$)', os.path.basename(path))]


def on_postgres(files):
  """Once more with servers whose store is PostgreSQL."""
  return [File(f'{f.name} on postgresql', [*f.command, '--store', 'postgresql'], f.env, slow=f.slow)
    for f in files if short_name(f.command[1]) in BOTH]


def short_name(path):
  return re.sub(r'^test_|_test$', '', os.path.splitext(os.path.basename(path))[0])


def chosen(files, names):
  """Those with exactly that name; if there is none, those whose name contains it. In the order of names."""
  if not names:
    return files
  found = []
  for name in names:
    match = [f for f in files if f.name == name] or [f for f in files if name in f.name]
    if not match:
      sys.exit(f'there is no test whose name contains {name}')
    found += [f for f in match if f not in found]
  return found


# ---- the database beside them ----

def wants_postgres(file):
  """Does it, or a helper beside it, look for the cluster?"""
  if file.command[-1] == 'postgresql':
    return True
  paths = [path for path in file.command if os.path.isfile(path) and path != PYTHON]
  if paths and paths[0].endswith('.py'):
    paths += [p for p in glob.glob(os.path.join(os.path.dirname(paths[0]), '*.py')) if '/test_' not in p]
  for path in paths:
    with open(path, 'rb') as content:
      if pg.VARIABLE.encode() in content.read():
        return True
  return False


def start_postgres(files):
  """A cluster for those that want one, or None; those that find none skip what needs it, and say so."""
  cluster = pg.Cluster()
  os.environ.pop(pg.VARIABLE, None)
  if not any(wants_postgres(f) for f in files):
    return None
  if not cluster.programs:
    print('there is no PostgreSQL server here: its tests are skipped')
    return None
  try:
    os.environ[pg.VARIABLE] = cluster.start()
  except BaseException:  # Ctrl-C as well
    cluster.stop()
    raise
  return cluster


# ---- running one ----

class Children:
  """The processes started here, and what they left behind."""

  def __init__(self):
    self.lock = threading.Lock()
    self.mine = set()
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)

  def start(self, command, **more):
    with self.lock:
      child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **more)
      self.mine.add(child.pid)
    return child

  def bury(self):
    """Takes leave of orphans that have ended: a test that waits for one to be gone must not see it here."""
    with self.lock:
      for pid in self._orphans():
        self._wait(pid, os.WNOHANG)

  def ended(self, child, folder):
    """Kills what is left of its session, and orphans that have its temporary folder in their environment."""
    with self.lock:
      self._kill(os.killpg, child.pid)
      self.mine.discard(child.pid)
      for pid in self._orphans():
        if self._has(pid, folder):
          self._kill(os.kill, pid)
          self._wait(pid, 0)

  def all_ended(self):
    with self.lock:
      for pid in self.mine:
        self._kill(os.killpg, pid)

  @staticmethod
  def _kill(how, pid):
    try:
      how(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
      pass

  @staticmethod
  def _has(pid, folder):
    try:
      with open(f'/proc/{pid}/environ', 'rb') as environ:
        return b'TMPDIR=' + os.fsencode(folder) in environ.read()
    except OSError:
      return False

  @staticmethod
  def _wait(pid, how):
    try:
      os.waitpid(pid, how)
    except ChildProcessError:
      pass

  def _orphans(self):
    """They come to the first thread of a process."""
    try:
      with open(f'/proc/self/task/{os.getpid()}/children', encoding='ascii') as listed:
        return [pid for pid in map(int, listed.read().split()) if pid not in self.mine]
    except OSError:
      return []


def run(file, children, limit):
  begun = time.monotonic()
  folder = tempfile.mkdtemp(prefix='zegel-test-')
  ended = 'not started'
  try:
    os.mkdir(os.path.join(folder, 'tmp'))
    env = dict(os.environ, TMPDIR=os.path.join(folder, 'tmp'), PYTHONDONTWRITEBYTECODE='1', **file.env)
    with open(os.path.join(folder, 'out'), 'wb') as out, open(os.path.join(folder, 'err'), 'wb') as err:
      child = children.start(file.command, stdout=out, stderr=err, env=env, cwd=ROOT)
    try:
      ended = wait(child, children, limit)
    finally:
      children.ended(child, folder)
    file.output, file.errors = text_of(folder, 'out'), text_of(folder, 'err')
  except OSError as problem:
    ended = str(problem)
  finally:
    shutil.rmtree(folder, ignore_errors=True)
  file.seconds = time.monotonic() - begun
  count(file, ended)
  return file


def text_of(folder, name):
  with open(os.path.join(folder, name), encoding='utf-8', errors='replace') as text:
    return text.read()


def stop(child):
  child.send_signal(signal.SIGINT)
  try:
    child.wait(10)
  except subprocess.TimeoutExpired:
    child.kill()
    child.wait()


def wait(child, children, limit):
  """How it ended: 0, or what went wrong, in words. A file that is too slow may still tidy up after itself."""
  end, code = time.monotonic() + limit, None
  while code is None:
    try:
      code = child.wait(0.1)
    except subprocess.TimeoutExpired:
      children.bury()
      if time.monotonic() > end:
        stop(child)
        return f'took longer than {limit} s'
  if code < 0:
    return f'was ended by {signal.Signals(-code).name}'
  return f'ended with {code}' if code else 0


# ---- counting its points ----

def count(file, ended):
  if not file.tap:
    file.passed, file.failures = (0, [ended]) if ended else (1, [])
    return
  plan = None
  for row in file.output.splitlines():
    planned, point = re.match(r'1\.\.(\d+)', row), POINT.match(row)
    if planned:
      plan = int(planned[1])
      file.skipped += plan == 0
    elif row.startswith('Bail out!'):
      file.failures.append(row)
    elif point and re.search(r'#\s*skip', point[2], re.IGNORECASE):
      file.skipped += 1  # cmocka of Debian 12 says "not ok" before it
    elif point and point[1]:
      file.failures.append(point[2] or 'a point without a name')
    elif point:
      file.passed += 1
  seen = file.passed + file.skipped + len(file.failures)
  if ended and not file.failures:
    file.failures.append(ended)
  elif plan is None and not ended:
    file.failures.append('printed no plan')
  elif plan and plan != seen and not file.failures:
    file.failures.append(f'planned {plan} points and made {seen}')


def words(passed, failed, skipped):
  return f'{passed} passed, {failed} failed' + (f', {skipped} skipped' if skipped else '')


def report(file):
  failed = len(file.failures)
  mark = 'FAIL' if failed else 'ok  ' if file.passed else 'skip'
  print(f'{mark} {file.name:<26} {words(file.passed, failed, file.skipped):<32}{file.seconds:7.1f} s', flush=True)
  if failed:
    for row in file.output.splitlines() + file.errors.splitlines() + [f'=> {f}' for f in file.failures]:
      print(f'     {row}')
    sys.stdout.flush()


def main():
  parser = argparse.ArgumentParser(description='Runs the tests and counts their points.')
  parser.add_argument('names', nargs='*', help='only those whose name contains one of these')
  parser.add_argument('--build', default=os.path.join(ROOT, 'build'), help='the folder they were built in')
  parser.add_argument('--jobs', type=int, default=2, help='files at the same time')
  parser.add_argument('--limit', type=int, default=300, help='seconds that one file may take')
  parser.add_argument('--quick', action='store_true', help='of tests/e2e only the short ones')
  options = parser.parse_args()
  build = os.path.realpath(options.build)

  e2e = python_files('e2e', {'ZEGEL': os.path.join(build, 'zegel')})
  if options.quick:
    e2e = [f for f in e2e if short_name(f.command[1]) in QUICK]
  e2e += on_postgres(e2e)
  files = chosen(meson_files(build) + python_files('tidy', {}) + e2e, options.names)
  signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it tidies up as well
  children, cluster = Children(), None
  try:
    cluster = start_postgres(files)
    with ThreadPoolExecutor(options.jobs) as pool:
      # The slowest first, so that the end does not wait for one.
      slowest_first = sorted(files, key=lambda f: -f.slow)
      for done in as_completed([pool.submit(run, f, children, options.limit) for f in slowest_first]):
        report(done.result())
  except KeyboardInterrupt:
    children.all_ended()
    raise
  finally:
    if cluster:
      cluster.stop()
  failed = [f'{file.name}: {failure}' for file in files for failure in file.failures]
  if failed:
    print('\n' + '\n'.join(failed))
  print(words(sum(f.passed for f in files), len(failed), sum(f.skipped for f in files)))
  return 1 if failed else 0


if __name__ == '__main__':
  try:
    sys.exit(main())
  except KeyboardInterrupt:
    sys.exit(130)
