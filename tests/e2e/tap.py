# SPDX-License-Identifier: Apache-2.0
"""Tests as functions, printed as TAP; waiting, threads and randomness that fail clearly and
repeat."""
import argparse
import os
import random
import sys
import threading
import time
import traceback

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), '..', '..'))
SEED = int(os.environ.get('ZEGEL_SEED', '20261121'))
DEADLINE = float(os.environ.get('ZEGEL_DEADLINE',
  '10'))  # raise it for slow machines and sanitizers
_options = None
_tests = []


def seeded(*what):
  """A random source of its own for whatever is named, the same in every run with the same seed."""
  return random.Random(f'{SEED} {what}')


def note(text):
  for row in str(text).splitlines():
    print('# ' + row, flush=True)


def eventually(look, what, deadline=None):
  """Looks until it sees something true, and returns it."""
  end = time.monotonic() + (deadline or DEADLINE)
  while True:
    seen = look()
    if seen:
      return seen
    if time.monotonic() > end:
      raise AssertionError(f'not within {deadline or DEADLINE:g} s: {what}')
    time.sleep(0.02)


def parallel(count, work):
  """Runs work(0) ... work(count - 1), each on its own thread, begun together; their results in
  order. The first failure is raised."""
  results, failures = [None] * count, []
  gate = threading.Barrier(count)

  def run(n):
    try:
      gate.wait(DEADLINE)
      results[n] = work(n)
    except BaseException as failure:  # noqa: B902 (handed on to the caller's thread)
      failures.append(failure)
  threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(count)]
  for thread in threads:
    thread.start()
  for thread in threads:
    thread.join(60)
    assert not thread.is_alive(), 'a thread of the test hangs'
  if failures:
    raise failures[0]
  return results


def together(*works):
  return parallel(len(works), lambda n: works[n]())


class Skip(Exception):
  pass


def skip(reason):
  raise Skip(reason)


def test(name):
  def add(function):
    _tests.append((name, function))
    return function
  return add


def options():
  global _options
  if _options is None:
    parser = argparse.ArgumentParser(description='Runs the tests of this file and prints TAP.')
    parser.add_argument('--zegel', default=os.environ.get('ZEGEL',
      os.path.join(ROOT, 'build', 'zegel')))
    parser.add_argument('--store', choices=('sqlite', 'postgresql'), default='sqlite',
      help='the store of the servers that do not name one')
    parser.add_argument('--only', help='run the tests whose name contains this')
    parser.add_argument('--rounds', type=int, default=int(os.environ.get('ZEGEL_ROUNDS', '3')),
      help='how often test_crash kills')
    _options = parser.parse_args()
    _options.zegel = os.path.realpath(_options.zegel)
  return _options


def main(make_world, explain, last):
  """Runs the file's tests and then `last`, a (name, function); prints TAP, ends the program: 0 if
  all passed. make_world(count of tests) is what each test gets; explain() says more about a
  failure."""
  chosen = [t for t in _tests if not options().only or options().only in t[0]] + [last]
  if not os.access(options().zegel, os.X_OK):
    print(f'Bail out! {options().zegel} is not there: ./dev build makes it')
    sys.exit(1)
  note(f'seed {SEED}')
  world = make_world(len(chosen))
  failed = 0
  for number, (name, function) in enumerate(chosen, 1):
    failed += not _run(number, name, function, world, explain)
  print(f'1..{len(chosen)}', flush=True)
  sys.exit(1 if failed else 0)


def _run(number, name, function, world, explain):
  begun = time.monotonic()
  try:
    function(world)
  except Skip as reason:
    print(f'ok {number} - {name} # SKIP {reason}', flush=True)
    return True
  except BaseException as failure:
    print(f'not ok {number} - {name}', flush=True)
    _explain(failure)
    explain()
    if isinstance(failure, KeyboardInterrupt):
      raise
    return False
  took = time.monotonic() - begun
  print(f'ok {number} - {name}' + (f' # {took:.1f} s' if took > 2 else ''), flush=True)
  return True


def _explain(failure):
  frames = [f for f in traceback.extract_tb(failure.__traceback__) if 'test_' in f.filename]
  for frame in frames:
    note(f'{os.path.basename(frame.filename)}:{frame.lineno}: {frame.line}')
  note(f'{type(failure).__name__}: {failure}'[:3000])
