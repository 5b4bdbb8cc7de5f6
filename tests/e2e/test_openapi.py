# SPDX-License-Identifier: Apache-2.0
"""The document by itself, then the document and the server: the same paths, methods, keys,
bytes."""
import http.client
import json
import os
import re

import jsonschema

from document import METHODS
from zegel import *

SRC = os.path.join(ROOT, 'src')
WORDS = [  # lists that the document and the source both have: schema, .def file, its macro
  ('DeviceKind', 'shop/device_kinds.def', 'DEVICE_KIND'),
  ('IdentifierKind', 'member/identifier_kinds.def', 'IDENTIFIER_KIND'),
  ('EntryKind', 'ledger/entry_kinds.def', 'ENTRY_KIND'),
]


def defined(path, macro):
  """The words of a .def list: the first text of each line."""
  with open(os.path.join(SRC, path), encoding='utf-8') as file:
    return [w for w in re.findall(rf'^{macro}\(\w+,\s*"([^"]*)"', file.read(), re.M) if w]


def each_schema(value, at=''):
  """Every object in the document that is used as a schema, with its place."""
  if isinstance(value, dict):
    for key, inner in value.items():
      here = f'{at}/{key}'
      if key == 'schema' or re.fullmatch(r'/components/schemas/\w+', here):
        yield here, inner
      if key not in ('examples', 'example'):
        yield from each_schema(inner, here)
  elif isinstance(value, list):
    for n, inner in enumerate(value):
      yield from each_schema(inner, f'{at}/{n}')


def each_value(value):
  yield value
  for inner in value.values() if isinstance(value, dict) else value if isinstance(value,
      list) else ():
    yield from each_value(inner)


@test('every $ref resolves and every schema is one')
def _(z):
  d = document()
  for value in each_value(d.root):
    if isinstance(value, dict) and '$ref' in value:
      assert d.resolve(value['$ref']) is not None
  for at, schema in each_schema(d.root):
    try:
      jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
      raise AssertionError(f'{at}: {error.message}') from None


@test('every call has a summary, answers, its parameters and its problems')
def _(z):
  d, ids = document(), set()
  for o in d.operations:
    spec = o.spec
    assert spec['operationId'] not in ids, o
    ids.add(spec['operationId'])
    assert spec['summary'] and spec['description'] and spec['tags'], o
    wanted = {'200'} | ({'401', '403'} if o.keys else set()) | ({'400', '413', '422'} if o.request
      else set())
    if o.keys or o.path.startswith('/r/'):
      wanted |= {'500', '503'}  # it asks the store
    assert wanted <= set(spec['responses']), f'{o}: {wanted - set(spec["responses"])}'
    params = [d.resolve(p['$ref']) if '$ref' in p else p for p in spec.get('parameters', [])]
    named = [p['name'] for p in params if p['in'] == 'path']
    assert named == re.findall(r'{(\w+)}', o.path), f'{o}: {named}'
    assert (o.keys is None) == (spec.get('security') == []), o


@test('requests refuse fields they do not name')
def _(z):
  d = document()
  for o in d.operations:
    for value in each_value(d.inline(o.request)) if o.request else ():
      if isinstance(value, dict) and value.get('type') == 'object' and 'properties' in value:
        assert value.get('additionalProperties') is False, f'{o}: {list(value["properties"])}'


@test('the examples are what their schemas say')
def _(z):
  d = document()
  for value in each_value(d.root):
    if isinstance(value, dict) and isinstance(value.get('examples'), dict) and 'schema' in value:
      for name, example in value['examples'].items():
        faults = d.faults(jsonschema.Draft202012Validator(d.inline(value['schema'])),
          example['value'])
        assert not faults, f'{name}: {faults}'
  for name, schema in d.root['components']['schemas'].items():
    for example in schema.get('examples', []):
      faults = d.faults(jsonschema.Draft202012Validator(d.inline(schema)), example)
      assert not faults, f'{name}: {faults}'


@test('lists of words are those of the source')
def _(z):
  schemas = document().root['components']['schemas']
  for schema, path, macro in WORDS:
    assert sorted(schemas[schema]['enum']) == sorted(defined(path, macro)), schema
  with open(os.path.join(SRC, 'base/errors.def'), encoding='utf-8') as file:
    names = re.findall(r'^ERROR\(\w+, "([^"]+)", (\d+)', file.read(), re.M)
  assert sorted(schemas['Problem']['properties']['type']['enum']) == sorted('urn:zegel:error:' + n
    for n, _ in names)
  for answer in document().root['components']['responses'].values():
    schema = answer['content']['application/problem+json']['schema']['properties']
    for name in schema['type']['enum']:
      status = dict(names)[name.rsplit(':', 1)[-1]]
      assert int(status) == schema['status']['const'], name


@test('operations.def and the document list the same calls')
def _(z):
  path = os.path.join(SRC, 'api', 'operations.def')
  if not os.path.exists(path):
    skip('there is no src/api/operations.def')
  with open(path, encoding='utf-8') as file:
    text = re.sub(r'/\*.*?\*/', '', file.read(), flags=re.S)
  found = set()
  for entry in re.findall(r'OPERATION\((.*?)\)\s*$', text, re.M | re.S):
    method = re.search(r'\b(GET|PUT|POST|DELETE)\b', entry)
    path = re.search(r'"(/[^"]*)"', entry)
    assert method and path, entry
    found.add((method[1], path[1]))
  listed = {(o.method, o.path) for o in document().operations}
  assert found == listed, (
    f'only in operations.def: {sorted(found - listed)}; '
    f'only in the document: {sorted(listed - found)}')


@test('the server serves this document')
def _(z):
  served = z.server.client().ok('GET', '/v1/openapi.json')
  assert served.json == document().root


def fill(path):
  """The path with ids that could be."""
  return re.sub(r'{(\w+)}', lambda m: {'members': 'm_0123456789abc', 'rewards': 'w_0123456789abc',
    'r': '0' * 26}.get(path.split('/')[-2 if path.endswith('}') else -3], 'nothing'), path)


def taken_by(path):
  """The methods of whatever in the document that path could be."""
  return {o for o in (m.upper() for m in METHODS) if document().find(o, fill(path))}


@test('every path and method of the document is in the server, and no other method')
def _(z):
  m = z.merchant()
  paths = {}
  for o in document().operations:
    paths.setdefault(o.path, set()).add(o.method)
  for path, methods in paths.items():
    for method in METHODS:
      method = method.upper()
      if path == '/v1/events' and method == 'GET':
        m.admin.stream().close()
        continue
      body = None if method in ('GET', 'DELETE') else {}
      answer = m.admin.call(method, fill(path), body)
      if method in methods:
        assert answer.status != 405, answer
      elif document().find(method, path) is None:
        assert answer.status == 405 and answer.name == 'method-not-allowed', answer
        allowed = set(answer.headers['Allow'].split(', '))
        assert allowed - {'HEAD'} == taken_by(path), f'{path}: {allowed}'
        assert ('HEAD' in allowed) == ('GET' in allowed), f'{path}: {allowed}'
  for path in ('/v1', '/v1/nothing', '/v1/sales', '/v1/sales/1/nothing', '/v2/sales/1',
      '/v1/touches/1/answers/2'):
    m.admin.refused(404, 'not-found', 'GET', path)


@test('HEAD is GET without the body')
def _(z):
  for path in ('/health', '/metrics'):
    connection = http.client.HTTPConnection('127.0.0.1', z.server.port, timeout=10)
    connection.request('HEAD', path)
    answer = connection.getresponse()
    assert answer.status == 200 and answer.read() == b'', (path, answer.status)
    connection.close()


@test('each kind of key may do what x-keys says, and nothing else')
def _(z):
  m = z.merchant()
  shop = m.shop()
  keys = {kind: m.device(shop, kind)
    for kind in document().root['components']['schemas']['DeviceKind']['enum']}
  keys['admin'] = m.admin
  for role in ('office', 'viewer'):
    made = json.loads(z.server.cli('key', 'new', '--merchant', m.id, '--role', role, '--name', role,
      '--json').stdout)
    keys[role] = z.server.client(made['key'], role)
    eventually(lambda: keys[role].call('GET', '/v1/templates').status == 200,
      f'the new {role} key works')
  for o in document().operations:
    for kind, client in keys.items():
      if o.keys is None:
        continue
      if o.path == '/v1/events':
        client.stream().close()
        continue
      answer = client.call(o.method, fill(o.path), None if o.method in ('GET', 'DELETE') else {})
      if kind in o.keys:
        assert answer.status not in (401, 403), f'{kind} may: {answer}'
      else:
        assert answer.status == 403 and answer.name == 'forbidden', f'{kind} may not: {answer}'


@test('health, metrics and receipts need no key; everything else does')
def _(z):
  nobody = z.server.client()
  for o in document().operations:
    answer = nobody.call(o.method, fill(o.path), None if o.method in ('GET', 'DELETE') else {})
    if o.keys is None:
      assert answer.status in (200, 404), answer
    else:
      assert answer.status == 401 and answer.name == 'unauthorized', answer
  for key in ('', 'x', 'zk_0123456789abc_' + '0' * 52, 'zk_' + 'z' * 500):
    z.server.client(key or ' ').refused(401, 'unauthorized', 'GET', '/v1/shops')
  for header in ('Basic Zm9vOmJhcg==', 'Bearer', 'bearer'):
    nobody.refused(401, 'unauthorized', 'GET', '/v1/shops', headers={'Authorization': header})


@test('health and metrics say what they should')
def _(z):
  nobody = z.server.client()
  health = nobody.ok('GET', '/health').json
  assert health['status'] == 'ok' and re.match(r'\d+\.\d+', health['version']), health
  text = nobody.ok('GET', '/metrics').raw.decode()
  for row in text.splitlines():
    assert row.startswith('#') or re.fullmatch(r'[a-z_:][a-z0-9_:]*(\{[^}]*\})? [-+0-9.eEInfNa]+',
      row), row
  names = set(re.findall(r'^(\w+)', text, re.M))
  before = [row for row in text.splitlines() if '4xx' in row and 'NONE' not in row]
  for _ in range(3):
    nobody.refused(404, 'not-found', 'GET', '/nothing')
  after = nobody.ok('GET', '/metrics').raw.decode()
  assert all(row in after for row in before), 'what no call took is not counted under one'
  assert len(names) >= 6 and any('bucket' in n for n in names), (
    f'requests, latencies, groups, queue, commits, size: {names}')


main()
