# SPDX-License-Identifier: Apache-2.0
"""One of every kind of write, in an order in which each is possible."""
from zegel import *

__all__ = ['Write', 'identified', 'every_write']


class Write:
  """One call that writes, and another content for its id."""

  def __init__(self, name, client, method, path, body, other=None):
    self.name, self.client, self.method, self.path = name, client, method, path
    self.body, self.other = body, other

  def send(self, raw=None):
    return self.client.call(self.method, self.path, None if raw else self.body, raw=raw)

  def __repr__(self):
    return f'{self.name}: {self.method} {self.path}'


def identified(kind, value):
  return [{'kind': kind, 'value': value}]


def every_write(m, tag='a'):
  """Yields one of every kind of write, in an order in which each is possible once those before it
  were sent. `tag` keeps the ids of two runs apart."""
  shop = {'id': f'shop-{tag}', 'name': 'Meir'}
  yield Write('shop', m.admin, 'POST', '/v1/shops', shop, dict(shop, name='Elsewhere'))
  shop_id = m.admin.ok('POST', '/v1/shops', shop)['id']
  till_new = {'id': f'till-{tag}', 'shop': shop_id, 'kind': 'till', 'name': 'Kassa 1'}
  yield Write('till', m.admin, 'POST', '/v1/devices', till_new, dict(till_new, name='Kassa 2'))
  made = m.admin.ok('POST', '/v1/devices', till_new)
  till = m.server.client(made['key'], 'the till')
  reader_new = {'id': f'reader-{tag}', 'shop': shop_id, 'kind': 'reader', 'name': 'R',
    'paired_with': made['id']}
  yield Write('reader', m.admin, 'POST', '/v1/devices', reader_new,
    {k: v for k, v in reader_new.items() if k != 'paired_with'})
  reader = m.server.client(m.admin.ok('POST', '/v1/devices', reader_new)['key'], 'the reader')

  code = f'mug-{tag}'
  programme = {'template': 'stamps', 'name': {'nl': 'Mok'}, 'starts': '2020-01-01',
    'joining': 'ask', 'state': 'running',
    'shops': [shop_id], 'parameters': {'minimum': 100, 'needed': 1,
    'reward': {'code': 'mok', 'name': {'nl': 'Mok'}}}}
  yield Write('programme', m.admin, 'PUT', f'/v1/programmes/{code}', programme)

  card = identified('card', f'tok-{tag}')
  touch = {'id': f'touch-{tag}', 'identifiers': card, 'language': 'nl'}
  yield Write('touch', reader, 'POST', '/v1/touches', touch, dict(touch, language='fr'))
  join = {'id': 'ja', 'step': f'join:{code}', 'value': 'yes'}
  yield Write('answer', reader, 'POST', f'/v1/touches/touch-{tag}/answers', join,
    dict(join, value='no'))
  clear = dict(touch, id=f'touch-clear-{tag}')
  reader.ok('POST', '/v1/touches', clear)
  yield Write('clear', till, 'DELETE', f'/v1/touches/touch-clear-{tag}', None)

  body = sale(line(1, 600, '2'), 700, number=f'R-{tag}', touch=f'touch-{tag}', state='open')
  yield Write('open sale', till, 'PUT', f'/v1/sales/sale-{tag}', body)
  paid = dict(body, state='paid', payments=[{'kind': 'card', 'amount': 1300}])
  yield Write('paid sale', till, 'PUT', f'/v1/sales/sale-{tag}', paid, dict(paid, number='R-other'))
  back = {'id': 'back', 'at': now(), 'lines': [{'line': '1', 'quantity': '1'}]}
  yield Write('return', till, 'POST', f'/v1/sales/sale-{tag}/returns', back,
    dict(back, lines=[{'line': '2', 'quantity': '1'}]))
  till.ok('PUT', f'/v1/sales/sale-void-{tag}', sale(500, touch=None))
  yield Write('void sale', till, 'PUT', f'/v1/sales/sale-void-{tag}', {'state': 'void'})
  nobody = sale(800, touch=None, number=f'N-{tag}')
  yield Write("nobody's sale", till, 'PUT', f'/v1/sales/sale-nobody-{tag}', nobody,
    dict(nobody, at=now(60)))
  attach = {'id': 'late', 'identifiers': card}
  yield Write('attach', till, 'POST', f'/v1/sales/sale-nobody-{tag}/attach', attach,
    dict(attach, identifiers=identified('card', 'tok-nobody')))

  member = m.admin.who('card', f'tok-{tag}')['id']
  reward = eventually(lambda: m.admin.rewards(member=member), 'a reward is due')[0]['reward']
  for act, n in (('hold', 1), ('release', 1), ('hold', 2), ('give', 1), ('reverse', 1)):
    yield Write(act, till, 'POST', f'/v1/rewards/{reward}/{act}', {'id': f'{act}-{n}'})
