# SPDX-License-Identifier: Apache-2.0
"""What people at a desk read: lists that page, and a member's history."""
from zegel import *


def pages(client, path, name, limit, between=lambda: None):
  """The ids of every page; between() happens between two."""
  found, query = [], f'?limit={limit}'
  while True:
    page = client.ok('GET', path + query)
    assert len(page[name]) <= limit, page
    found.append([x['id'] for x in page[name]])
    if page['next'] is None:
      return found
    assert len(page[name]) == limit, f'only the last page is short: {page}'
    between()
    query = f'?limit={limit}&cursor={quote(page["next"])}'


@test('shops and devices page by the last id: what is added meanwhile moves no other')
def _(z):
  m = z.merchant()
  p = m.pair()
  for path, name, add in (('/v1/shops', 'shops', m.shop),
      ('/v1/devices', 'devices', lambda: m.device(p.shop, 'till'))):
    for _ in range(9):
      add()
    before = sum(pages(m.admin, path, name, 4), [])
    assert len(before) == len(set(before)) and len(before) > 9, before
    for limit in (1, 3, len(before), 200):
      added = []
      seen = sum(pages(m.admin, path, name, limit, lambda: len(added) < 6 and added.append(add())), [])
      assert len(seen) == len(set(seen)), f'{limit}: something came twice'
      assert [id for id in seen if id in before] == before, f'{limit}: something was hidden'
      before = sum(pages(m.admin, path, name, 200), [])
    for cursor in ('0', '3', 'x', 'm_0123456789abc', ''):
      m.admin.refused(422, 'invalid', 'GET', f'{path}?cursor={cursor}')


main()
