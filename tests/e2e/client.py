# SPDX-License-Identifier: Apache-2.0
"""One key at one server: calls and event streams. Every answer and event is held against the
document."""
import http.client
import json
import select
import socket
import threading
import time
import urllib.parse

from document import document
from tap import DEADLINE


def quote(text):
  return urllib.parse.quote(str(text), safe='')


def now(seconds=0):
  """Now, plus so many seconds, as the contract writes it."""
  return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + seconds))


class Answer:
  def __init__(self, method, path, status, headers, raw):
    self.method, self.path, self.status, self.headers, self.raw = method, path, status, headers, raw

  @property
  def json(self):
    return json.loads(self.raw)

  def __getitem__(self, name):
    return self.json[name]

  def get(self, name, otherwise=None):
    return self.json.get(name, otherwise)

  @property
  def name(self):
    """The name of a problem."""
    return self.json['type'].rsplit(':', 1)[-1]

  def __str__(self):
    return f'{self.method} {self.path} -> {self.status} {self.raw[:600].decode("utf-8", "replace")}'


class Refused(AssertionError):
  pass


class Client:
  """One key at one server. Keeps a connection a thread; survives a restart of the server."""

  def __init__(self, server, key=None, name=''):
    self.server, self.key, self.name = server, key, name
    self.id = None  # of the device
    self._local = threading.local()

  def call(self, method, path, body=None, raw=None, headers=None, timeout=30):
    """Sends body as JSON, or raw bytes as they are."""
    data = raw if raw is not None else None if body is None else json.dumps(body).encode()
    send = {'Content-Type': 'application/json'} if data is not None else {}
    if self.key:
      send['Authorization'] = 'Bearer ' + self.key
    send.update(headers or {})
    answer = self._exchange(method, path, data, send, timeout)
    sent = None
    if data is not None and answer.status == 200:
      sent = data.decode()
    document().check(method, path, answer.status, answer.headers, answer.raw, sent)
    return answer

  def _exchange(self, method, path, data, headers, timeout):
    connection = getattr(self._local, 'connection', None)
    if connection is None or self._local.port != self.server.port:
      self.close()
      connection = http.client.HTTPConnection('127.0.0.1', self.server.port, timeout=timeout)
      self._local.connection, self._local.port = connection, self.server.port
    try:
      if connection.sock is None:
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
      connection.request(method, path, body=data, headers=headers)
      response = connection.getresponse()
      raw = response.read()
    except BaseException:
      self.close()
      raise
    if response.will_close:
      self.close()
    return Answer(method, path, response.status, response.headers, raw)

  def close(self):
    connection = getattr(self._local, 'connection', None)
    if connection is not None:
      connection.close()
      self._local.connection = None

  def ok(self, method, path, body=None, **more):
    answer = self.call(method, path, body, **more)
    if answer.status != 200:
      raise Refused(f'expected 200: {answer}')
    return answer

  def refused(self, status, name, method, path, body=None, at=None, **more):
    """Expects a problem of that status and name (one, or any of several), and where."""
    answer = self.call(method, path, body, **more)
    names = (name,) if isinstance(name, str) else name
    if answer.status != status or answer.name not in names:
      raise AssertionError(f'expected {status} {name}: {answer}')
    if at is not None and answer.get('at') != at:
      raise AssertionError(f'expected the fault at {at!r}: {answer}')
    return answer

  # the calls of a checkout, as short words

  def touch(self, id, *identifiers, **more):
    listed = [i if isinstance(i, dict) else {'kind': i[0], 'value': i[1]} for i in identifiers]
    return self.ok('POST', '/v1/touches', dict({'id': id, 'identifiers': listed}, **more))

  def answer(self, touch, step, value, id=None):
    return self.ok('POST', f'/v1/touches/{quote(touch)}/answers',
      {'id': id or f'{step}={value}', 'step': step, 'value': value})

  def sale(self, id, body, query=''):
    return self.ok('PUT', f'/v1/sales/{quote(id)}{query}', body)

  def returns(self, sale_id, id, *lines, at=None):
    """lines: (line, quantity) or (line, quantity, amount)"""
    listed = [dict({'line': l[0], 'quantity': l[1]}, **({'amount': l[2]} if len(l) > 2 else {}))
      for l in lines]
    return self.ok('POST', f'/v1/sales/{quote(sale_id)}/returns',
      {'id': id, 'at': at or now(), 'lines': listed})

  def reward(self, reward, act, id):
    return self.ok('POST', f'/v1/rewards/{reward}/{act}', {'id': id})

  def member(self, id):
    return self.ok('GET', f'/v1/members/{id}').json

  def who(self, kind, value):
    """The member an identifier belongs to, or None."""
    return self.ok('POST', '/v1/members/search',
      {'identifier': {'kind': kind, 'value': value}})['member']

  def rewards(self, **query):
    return self.ok('GET', '/v1/rewards?' + urllib.parse.urlencode(query))['rewards']

  def entries(self, member, limit=None, **query):
    """A member's whole history, oldest first, page by page."""
    found, query = [], dict(query, **({'limit': limit} if limit else {}))
    while True:
      page = self.ok('GET', f'/v1/members/{member}/entries?' + urllib.parse.urlencode(query))
      found += page['entries']
      if page['next'] is None:
        return found[::-1]
      query['cursor'] = page['next']

  def stream(self, last=0, **more):
    return Stream(self, last, **more)


# ---- event streams

class Event:
  def __init__(self, id, type, data):
    self.id, self.type, self.data = id, type, data

  def __getitem__(self, name):
    return json.loads(self.data)[name]

  def get(self, name):
    return json.loads(self.data).get(name)

  def __repr__(self):
    return f'<{self.id} {self.type} {self.data}>'


class Closed(Exception):
  pass


class Stream:
  """The server-sent events of one key. Checks that ids have no gap. No thread: next() reads the
  socket."""

  def __init__(self, client, last=0, buffer=None):
    self.client, self.last = client, last
    self._bytes, self._text, self._chunked = b'', b'', False
    self._socket = socket.socket()
    if buffer:
      self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    self._socket.settimeout(DEADLINE)
    self._socket.connect(('127.0.0.1', client.server.port))
    ask = ('GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n'
      f'Authorization: Bearer {client.key}\r\n')
    if last is not None:
      ask += f'Last-Event-ID: {last}\r\n'
    self._socket.sendall(ask.encode() + b'\r\n')
    end = time.monotonic() + DEADLINE
    while b'\r\n\r\n' not in self._bytes:
      self._read(end)
    head, self._bytes = self._bytes.split(b'\r\n\r\n', 1)
    rows = head.decode('latin-1').split('\r\n')
    self.status = int(rows[0].split()[1])
    self.headers = {k.strip().lower(): v.strip() for k, v in (r.split(':', 1) for r in rows[1:])}
    self._chunked = self.headers.get('transfer-encoding') == 'chunked'
    if self.status != 200:
      raise Refused(f'the event stream answered {self.status}')
    if not self.headers.get('content-type', '').startswith('text/event-stream'):
      raise AssertionError(f'the event stream is {self.headers.get("content-type")}')

  def _read(self, end):
    left = end - time.monotonic()
    ready = left > 0 and select.select([self._socket], [], [], left)[0]
    if not ready:
      raise TimeoutError
    try:
      data = self._socket.recv(65536)
    except ConnectionError:
      data = b''
    if not data:
      raise Closed('the server ended the stream')
    self._bytes += data

  def _dechunk(self):
    """Moves whole chunks from the bytes of the connection to the text of the stream."""
    if not self._chunked:
      self._text, self._bytes = self._text + self._bytes, b''
      return
    while b'\r\n' in self._bytes:
      size, rest = self._bytes.split(b'\r\n', 1)
      size = int(size.split(b';')[0], 16)
      if len(rest) < size + 2:
        return
      if size == 0:
        raise Closed('the server ended the stream')
      self._text, self._bytes = self._text + rest[:size], rest[size + 2:]

  def next(self, deadline=None):
    """The next event. TimeoutError, Closed."""
    end = time.monotonic() + (deadline if deadline is not None else DEADLINE)
    while True:
      self._dechunk()
      self._text = self._text.replace(b'\r\n', b'\n')
      while b'\n\n' in self._text:
        block, self._text = self._text.split(b'\n\n', 1)
        event = self._parse(block)
        if event:
          return event
      self._read(end)

  def _parse(self, block):
    id, type, data = None, 'message', []
    for row in block.decode().split('\n'):
      name, _, value = row.partition(':')
      value = value[1:] if value.startswith(' ') else value
      if name == 'id':
        id = int(value)
      elif name == 'event':
        type = value
      elif name == 'data':
        data.append(value)
    if not data:
      return None
    if self.last is not None and id != self.last + 1:
      raise AssertionError(f'a gap in the stream: {id} after {self.last}')
    self.last = id
    document().check_event(type, '\n'.join(data))
    return Event(id, type, '\n'.join(data))

  def expect(self, type, deadline=None):
    """The next event, which must be of that type."""
    try:
      event = self.next(deadline)
    except TimeoutError:
      raise AssertionError(
        f'no event {type!r} came at {self.client.name or "the stream"}') from None
    assert event.type == type, f'expected the event {type!r}, got {event}'
    return event

  def until(self, type, deadline=None):
    """The next event of that type; those before it are skipped."""
    while True:
      try:
        event = self.next(deadline)
      except TimeoutError:
        raise AssertionError(
          f'no event {type!r} came at {self.client.name or "the stream"}') from None
      if event.type == type:
        return event

  def rest(self, deadline=0.3):
    """What is there, and comes within the deadline of the last."""
    found = []
    try:
      while True:
        found.append(self.next(deadline))
    except (TimeoutError, Closed):
      return found

  def ended(self, deadline=None):
    """Did the server end it? Events that come before that are skipped."""
    try:
      while True:
        self.next(deadline)
    except TimeoutError:
      return False
    except Closed:
      return True

  def close(self):
    self._socket.close()

  def __enter__(self):
    return self

  def __exit__(self, *_):
    self.close()
