# SPDX-License-Identifier: Apache-2.0
"""Holds what the server says against src/api/openapi.json.

Every answer that a test sees passes through Document.check(): its status must be listed for that
call, its body must be what the schema says and nothing more, and a body that was accepted must be
one that the document allows. Breaches are collected; the last test of each file is that there are
none.

A tests/e2e file needs nothing of this: the client in zegel.py calls it.
"""
import copy
import json
import os
import re
import threading

import jsonschema

METHODS = ('get', 'put', 'post', 'delete', 'patch')
PATH = os.path.join(os.path.dirname(__file__), '..', '..', 'src', 'api', 'openapi.json')


_document = None


def document():
  """The one of this program."""
  global _document
  if _document is None:
    _document = Document()
  return _document


def _by_type(validator, branches, value, schema):
  if validator.is_type(value, 'object'):
    branch = branches.get(value.get('type'))
    if branch is None:
      yield jsonschema.ValidationError(f'type {value.get("type")!r} is none of {sorted(branches)}')
    else:
      yield from validator.descend(value, branch, schema_path=value['type'])


Validator = jsonschema.validators.extend(jsonschema.Draft202012Validator, {'byType': _by_type})
AS_IT_IS = ('examples', 'const', 'enum', 'default')  # hold values, not schemas


def shape(raw):
  """A body without what differs from one to the next (ids keep their length, numbers their sign):
  checking costs milliseconds, and under load one of each shape is enough."""
  return re.sub(rb'[0-9]+', b'0', re.sub(rb'[0-9a-z]{13,}', lambda m: b'#%d' % len(m[0]), raw))


class Operation:
  def __init__(self, method, path, spec):
    self.method, self.path, self.spec = method.upper(), path, spec
    self.keys = spec.get('x-keys')  # None: no key is needed
    self.pattern = re.compile(re.sub(r'\\{[^}]+\\}', '[^/]+', re.escape(path)) + '$')
    self.depth = path.count('{')

  def __str__(self):
    return f'{self.method} {self.path}'

  @property
  def request(self):
    """The schema of its body; None if it takes none."""
    body = self.spec.get('requestBody')
    return body and body['content']['application/json']['schema']


class Document:
  def __init__(self, path=PATH):
    with open(path, encoding='utf-8') as file:
      self.root = json.load(file)
    self.operations = [Operation(method, path, spec)
      for path, item in self.root['paths'].items()
      for method, spec in item.items() if method in METHODS]
    self.operations.sort(key=lambda o: o.depth)
    self.breaches = []
    self._validators = {}
    self._seen = set()
    self._lock = threading.Lock()
    self.events = {name: self.inline(schema) for name, schema in
      self.find('GET', '/v1/events').spec['responses']['200']['x-events'].items()}

  def find(self, method, path):
    """The operation of a method and a (percent-encoded) path; None."""
    path = path.split('?')[0]
    for operation in self.operations:
      if operation.method == method and operation.pattern.match(path):
        return operation
    return None

  # ---- schemas

  def resolve(self, pointer):
    value = self.root
    for part in pointer[2:].split('/'):
      value = value[part.replace('~1', '/').replace('~0', '~')]
    return value

  def inline(self, schema):
    """The schema with every $ref replaced by what it names; keys beside a $ref are laid over it."""
    if isinstance(schema, list):
      return [self.inline(s) for s in schema]
    if not isinstance(schema, dict):
      return schema
    if '$ref' in schema:
      target = copy.deepcopy(self.inline(self.resolve(schema['$ref'])))
      for key, value in schema.items():
        if key == 'properties':
          for name, more in value.items():
            target['properties'][name] = {'allOf': [target['properties'][name], self.inline(more)]}
        elif key != '$ref':
          target[key] = self.inline(value)
      return target
    if 'discriminator' in schema:  # straight to the branch that is meant
      return {'type': 'object', 'byType': {value: self.inline({'$ref': pointer})
        for value, pointer in schema['discriminator']['mapping'].items()}}
    return {key: value if key in AS_IT_IS else self.inline(value) for key, value in schema.items()}

  @staticmethod
  def close(schema):
    """The same schema, refusing properties it does not name: the server may not say more than the
    document does."""
    if isinstance(schema, list):
      return [Document.close(s) for s in schema]
    if not isinstance(schema, dict):
      return schema
    closed = {key: value if key in AS_IT_IS else Document.close(value) for key,
      value in schema.items()}
    if 'properties' in schema and schema.get('type') in ('object', ['object', 'null']):
      closed.setdefault('additionalProperties', False)
    return closed

  def validator(self, name, make):
    with self._lock:
      if name not in self._validators:
        self._validators[name] = Validator(make())
      return self._validators[name]

  @staticmethod
  def faults(validator, value):
    """What is wrong with a value, one line each; of a union the branch that was meant."""
    def walk(errors):
      for error in errors:
        branches = {}
        for inner in error.context or ():
          branches.setdefault(inner.schema_path[0], []).append(inner)
        meant = [b for b in branches.values() if not any(
          e.validator in ('const', 'type') and len(e.path) <= len(error.path) + 1 for e in b)]
        if len(meant) == 1:
          yield from walk(meant[0])
        else:
          at = '/' + '/'.join(str(p) for p in error.absolute_path)
          yield f'at {at}: {error.message[:300]}'
    return list(walk(validator.iter_errors(value)))

  # ---- checking

  def breach(self, text):
    with self._lock:
      if text not in self._seen:
        self._seen.add(text)
        self.breaches.append(text)

  def once(self, *what):
    """True for what was not seen yet."""
    with self._lock:
      if what in self._seen:
        return False
      self._seen.add(what)
      return True

  def check(self, method, path, status, headers, raw, sent=None):
    """An answer the client saw. sent: the JSON text of the request's body, if it was JSON."""
    if method == 'HEAD':
      return
    operation = self.find(method, path)
    kind = headers.get('Content-Type', '').split(';')[0].strip()
    if not self.once(str(operation or path), status, kind, shape(raw), sent
        and shape(sent.encode())):
      return
    if status == 405 and 'Allow' not in headers:
      self.breach(f'{method} {path} 405 came without the header Allow')  # RFC 9110 15.5.6
    if status == 500:
      self.breach(f'{operation or path} broke: {raw[:200]!r}')
    if operation is None or status == 405 or (status in (400, 413, 422)
        and str(status) not in operation.spec['responses']):
      # no such address, not that method, an address or a body that is not well: any call may say that
      self._problem(f'{method} {path.split("?")[0]}', status, kind, raw,
        self.root['components']['schemas']['Problem'])
      return
    answer = operation.spec['responses'].get(str(status))
    if answer is None:
      self.breach(f'{operation} answered {status}, which the document does not list: {raw[:200]!r}')
      return
    if '$ref' in answer:
      answer = self.resolve(answer['$ref'])
    content = answer.get('content', {})
    if kind not in content:
      self.breach(f'{operation} {status} answered {kind or "no content type"}, '
        f'the document says {list(content)}')
      return
    schema = content[kind].get('schema')
    if kind == 'application/problem+json':
      self._problem(str(operation), status, kind, raw, schema)
    elif kind == 'application/json':
      self._body(f'{operation} {status}', raw, schema)
    for name in answer.get('headers', {}):
      if answer['headers'][name].get('required') and name not in headers:
        self.breach(f'{operation} {status} came without the header {name}')
    if status == 200 and sent is not None and operation.request:
      self._accepted(operation, sent)

  def _accepted(self, operation, sent):
    validator = self.validator(('request', str(operation)), lambda: self.inline(operation.request))
    for fault in self.faults(validator, json.loads(sent)):
      self.breach(f'{operation} accepted a body that the document forbids: {fault}')

  def _problem(self, name, status, kind, raw, schema):
    if kind != 'application/problem+json':
      self.breach(f'{name} {status} answered {kind or "no content type"} '
        'and not application/problem+json')
    value = self._body(f'{name} {status}', raw, schema)
    if isinstance(value, dict) and value.get('status') != status:
      self.breach(f'{name} {status} says status {value.get("status")} in its body')

  def _body(self, name, raw, schema):
    try:
      value = json.loads(raw)
    except ValueError as error:
      self.breach(f'{name} is not JSON: {error}: {raw[:120]!r}')
      return None
    key = (name, json.dumps(schema, sort_keys=True))
    validator = self.validator(key, lambda: self.close(self.inline(schema)))
    for fault in self.faults(validator, value):
      self.breach(f'{name} {fault}')
    return value

  def check_event(self, name, data):
    if not self.once('event', name, data):
      return
    if name not in self.events:
      self.breach(f'event {name!r} is not in the document')
      return
    validator = self.validator(('event', name), lambda: self.close(self.events[name]))
    try:
      value = json.loads(data)
    except ValueError as error:
      self.breach(f'event {name}: its data is not JSON: {error}')
      return
    for fault in self.faults(validator, value):
      self.breach(f'event {name} {fault}')
