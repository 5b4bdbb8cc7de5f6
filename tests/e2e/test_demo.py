# SPDX-License-Identifier: Apache-2.0
"""The story of the mug, as a newcomer sees it: it is told to the end, fits a terminal, and can be told again."""
import os
import signal
import subprocess

from zegel import *


def story(server, *more):
  return server.cli('demo', '--listen', '127.0.0.1:0', '--once', *more).stdout


@test('the story is told to the end, in eighty columns, without a colour')
def _(z):
  server = Server()
  told = story(server)
  for words in ('POST /v1/touches', 'Would you like to join?', 'The same answer, byte for byte', 'reward_to_give',
      '"state": "given"', 'clawed_back', 'curl -X PUT'):
    assert words in told, f'{words} is not in: {told}'
  wide = [row for row in told.splitlines() if len(row) > 80]
  assert not wide and '\033' not in told, wide
  server.verify()


@test('told again it has another shopper, and sets nothing up again')
def _(z):
  server = Server()
  first, second = story(server), story(server)
  assert 'Anna taps' in first and 'POST /v1/shops' in first
  assert 'Bram taps' in second and 'Anna' not in second and 'POST /v1/shops' not in second
  server.verify()


@test('a folder that something else made is left alone')
def _(z):
  server = z.own()
  before = os.path.getmtime(os.path.join(server.data, 'zegel.db'))
  done = server.cli('demo', '--listen', '127.0.0.1:0', '--once', check=False)
  assert done.returncode == 1 and 'was not made by zegel demo' in done.stderr, done.stderr
  assert os.path.getmtime(os.path.join(server.data, 'zegel.db')) == before


@test('without --once it serves on until it is told to stop')
def _(z):
  server = Server()
  running = subprocess.Popen([server.binary, 'demo', '--data', server.data, '--listen', '127.0.0.1:0'],
    stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
  try:
    for row in running.stdout:
      if row.startswith('Serving on'):
        break
    assert running.poll() is None
    running.send_signal(signal.SIGINT)
    assert running.wait(30) == 0
  finally:
    running.kill()
    running.stdout.close()


main()
