# SPDX-License-Identifier: Apache-2.0
"""/health says what a machine must know: whether a sale would be kept."""
import os
import re
import resource
import sqlite3

from zegel import *

READ, WRITTEN = 'the store cannot be read', 'the store cannot be written'


def look(server):
  """(status, faults) as it is now."""
  answer = server.client().call('GET', '/health')
  assert (answer.status == 200) == (answer['status'] == 'ok'), answer
  return answer.status, answer.json.get('faults', [])


@test('who writes is held up: degraded until it goes on')
def _(z):
  server = z.own().start()
  assert look(server) == (200, [])
  other = sqlite3.connect(os.path.join(server.data, 'zegel.db'), isolation_level=None)
  other.execute('BEGIN IMMEDIATE')
  eventually(lambda: look(server) == (503, [WRITTEN]), 'it says that nothing is written')
  server.client().ok('GET', '/v1/openapi.json')
  other.execute('ROLLBACK')
  other.close()
  eventually(lambda: look(server) == (200, []), 'it says that all is well again')
  assert server.log().count('degraded: ') == 1, server.log()
  assert server.log().count('not degraded any more') == 1, server.log()
  assert server.stop() == 0
  server.verify()


@test('the file of the store is overwritten: degraded')
def _(z):
  server = z.own().start()
  p = server.merchants[0].pair()
  p.till.sale('s', sale(100))
  path = os.path.join(server.data, 'zegel.db')
  with sqlite3.connect(path) as other:  # what everybody has cached is stale afterwards
    other.execute('UPDATE reference_version SET n = n + 1')
    with open(path, 'r+b') as file:
      file.write(b'\xff' * os.path.getsize(path))
    eventually(lambda: look(server)[0] == 503 and READ in look(server)[1], 'it says so')
  assert server.alive(), server.log()


@test('a commit that fails shows, until one is kept again')
def _(z):
  server = z.own().start()
  p = server.merchants[0].pair()
  p.till.sale('before', sale(100))
  pid = server.process.pid
  limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
  resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, limits[1]))  # as if the disk were full
  p.till.refused(503, ('store', 'uncertain'), 'PUT', '/v1/sales/full', sale(100))
  status, faults = look(server)
  assert status == 503 and 'the last commit failed' in faults, faults
  resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
  p.till.sale('full', sale(100))
  eventually(lambda: look(server) == (200, []), 'it is well again')
  assert server.stop() == 0
  server.verify()


@test('asked often, it tries to write once a second')
def _(z):
  server = z.own().start()
  for _ in range(20):
    assert look(server) == (200, [])
  text = server.client().ok('GET', '/metrics').raw.decode()
  units = int(re.search(r'^zegel_units_total (\d+)', text, re.M)[1])
  assert units < 10, f'{units} units for 20 questions'


main()
