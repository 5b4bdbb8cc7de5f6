# SPDX-License-Identifier: Apache-2.0
"""The mug: tap, ja, three sales, the threshold, ja, the cashier is told, handed out; as the reader,
the till and the office see it, each on their own stream."""
import json
import re
import urllib.request

from zegel import *

CARD = ('card', 'tok_5c1e9a7b')


@test('the mug, from the first tap to the hand-out')
def _(z):
  m = z.merchant()
  p = m.pair()
  m.mug()
  reader, till, office = p.reader.stream(), p.till.stream(), m.admin.stream()

  # An unknown card: one question, and nobody is told.
  a = p.reader.touch('tap-1', CARD, language='nl')
  assert a['touch'] == 'tap-1' and a['member'] is None and a['staff'] == [], a
  assert step_ids(a) == ['join:mug'], a
  ask = a['steps'][0]
  assert ask['kind'] == 'yes_no' and ask['programme'] == 'mug' and ask['title'] and ask['text'], ask
  assert ask['timeout_s'] > 0 and {'yes', 'no', 'timeout'} <= set(ask['next']), ask

  # Ja: there is a member without a name, in the programme, and the status card follows.
  a = p.reader.answer('tap-1', 'join:mug', 'yes')
  assert kinds(a) == ['joined'] and effects(a, 'joined')[0]['programme'] == 'mug', a
  member = a['member']['id']
  assert a['member']['enrolments'] == [{'programme': 'mug', 'balance': 0, 'unit': 'stamp'}], a
  assert step_ids(a) == ['card:mug'] and a['steps'][0]['kind'] == 'card', a
  assert till.expect('member_here')['member']['id'] == member, 'the till hears who stands there'

  # The first two sales: the till names nobody, the tap is found.
  for n in (1, 2):
    if n > 1:
      a = p.reader.touch(f'tap-{n}', CARD)
      assert a['member']['id'] == member and step_ids(a) == ['card:mug'], a
      here = till.expect('member_here')
      assert here['touch'] == f'tap-{n}' and here['member']['id'] == member, here
    a = p.till.sale(f'sale-{n}', sale(1250, number=f'R-{n}'))
    assert a['state'] == 'paid' and a['member']['id'] == member, a
    assert effects(a, 'earned') == [{'type': 'earned', 'programme': 'mug', 'amount': 1,
      'balance': n, 'unit': 'stamp'}], a
    assert not effects(a, 'offer'), a

  # A sale below ten euro gives no stamp.
  p.reader.touch('tap-small', CARD)
  till.expect('member_here')
  a = p.till.sale('sale-small', sale(999))
  assert a['member']['id'] == member and not effects(a, 'earned'), a

  # The third stamp: the answer says so, the reader offers.
  p.reader.touch('tap-3', CARD)
  till.expect('member_here')
  a = p.till.sale('sale-3', sale(1000, number='R-3'))
  assert effects(a, 'earned')[0]['balance'] == 3, a
  offer = effects(a, 'offer')[0]
  assert offer['programme'] == 'mug' and offer['name'] == 'Een gratis mok', offer
  steps = reader.expect('steps')
  shown = steps['steps'][0]
  assert shown['id'] == f'offer:{offer["reward"]}' and shown['kind'] == 'yes_no', steps
  assert m.admin.ok('GET', f'/v1/rewards/{offer["reward"]}')['state'] == 'offered'

  # Ja: promised, and the cashier is told.
  a = p.reader.answer(steps['touch'], shown['id'], 'yes')
  held = effects(a, 'reward_held')[0]
  assert held == dict(offer, type='reward_held'), held
  account = points_of(m.admin, member, 'mug')
  assert (account['balance'], account['held'], account['available']) == (3, 3, 0), account
  give = till.expect('reward_to_give')
  assert all(give[n] == offer[n] for n in ('reward', 'programme', 'name')), give
  assert give['touch'] == steps['touch'], give
  assert [w['reward'] for w in p.till.rewards(member=member, state='held')] == [offer['reward']]

  # Handed out: the points are spent, the reader hears it.
  a = p.till.reward(offer['reward'], 'give', 'give-1')
  assert a.json == {'reward': offer['reward'], 'state': 'given'}, a
  assert reader.expect('reward_given')['reward'] == offer['reward']
  account = points_of(m.admin, member, 'mug')
  assert (account['balance'], account['held'], account['debt']) == (0, 0, 0), account

  # The ledger tells the same story.
  history = m.admin.entries(member)
  assert [e['kind'] for e in history] == ['earned', 'earned', 'earned', 'held', 'spent'], history
  assert [e['balance'] for e in history] == [1, 2, 3, 3, 0], history

  # And it begins again.
  a = p.reader.touch('tap-4', CARD)
  assert step_ids(a) == ['card:mug'], a
  till.expect('member_here')
  a = p.till.sale('sale-4', sale(2000))
  assert effects(a, 'earned')[0]['balance'] == 1, a
  for stream in (reader, till, office):
    assert stream.rest() == [], 'nobody hears more than that'
    stream.close()


@test('the receipt has a page: no cookie, no script, not for search engines')
def _(z):
  m = z.merchant()
  p = m.pair()
  a = p.till.sale('sale', sale(line(1, 499, description='Fairtrade <b>koffie</b> & "thee"'),
    line(2, 1250), number='R-77'))
  receipt = a['receipt']
  assert re.search(r'/r/[0-9a-hjkmnp-tv-z]{26}$', receipt['url']), receipt
  assert isinstance(receipt['paper'], bool) and receipt['reason'], receipt
  page = z.server.client().ok('GET', page_of(a))
  text = page.raw.decode('utf-8')
  assert page.headers['Content-Type'].startswith('text/html'), page.headers['Content-Type']
  assert 'Set-Cookie' not in page.headers
  assert 'noindex' in text.lower() + page.headers.get('X-Robots-Tag', '').lower()
  assert '<script' not in text.lower() and not re.search(r'(src|href)\s*=\s*["\']?https?:', text), (
    text)
  assert '<b>koffie' not in text and 'koffie' in text and '17,49' in text.replace('.', ','), text
  other = page_of(a)[:-1] + ('0' if receipt['url'][-1] != '0' else '1')
  assert z.server.client().call('GET', other).status == 404


@test('nee, walking away and ja later')
def _(z):
  m = z.merchant()
  p = m.pair()
  m.mug()
  for n, value in enumerate(('no', 'timeout')):
    assert step_ids(p.reader.touch(f'tap-{n}', CARD)) == ['join:mug'], 'nothing was remembered'
    a = p.reader.answer(f'tap-{n}', 'join:mug', value)
    assert a['member'] is None and kinds(a) == [] and a['steps'] == [], a
    assert m.admin.who(*CARD) is None, 'a nee leaves no trace'
  a = p.till.sale('sale', sale(5000))
  assert a['member'] is None and kinds(a) == [], a
  p.reader.touch('tap-ja', CARD)
  assert kinds(p.reader.answer('tap-ja', 'join:mug', 'yes')) == ['joined']
  assert m.admin.who(*CARD) is not None


@test('two programmes at once: two questions, then two cards, one sale counts for both')
def _(z):
  m = z.merchant()
  p = m.pair()
  m.mug()
  m.points(joining='ask')
  a = p.reader.touch('tap', CARD)
  assert sorted(step_ids(a)) == ['join:mug', 'join:points'], a
  first = a['steps'][0]
  assert all(first['next'][v] == a['steps'][1]['id'] for v in ('yes', 'no', 'timeout')), (
    'the reader walks on by itself')
  for step in step_ids(a):
    p.reader.answer('tap', step, 'yes')
  a = p.till.sale('sale', sale(1599))
  assert sorted((e['programme'], e['amount']) for e in effects(a, 'earned')) == [('mug', 1),
    ('points', 15)], a
  a = p.reader.touch('tap-2', CARD)
  assert sorted(step_ids(a)) == ['card:mug', 'card:points'], a
  assert sorted((e['programme'], e['balance']) for e in a['member']['enrolments']) == [('mug', 1),
    ('points', 15)], a


@test('texts come in the language of the customer')
def _(z):
  m = z.merchant()
  p = m.pair()
  m.mug()
  titles = set()
  for language in ('nl', 'en', 'nl-BE'):
    a = p.reader.touch(f'tap-{language}', ('card', f'tok-{language}'), language=language)
    titles.add((language[:2], a['steps'][0]['title'], a['steps'][0]['text']))
  assert len(titles) == 2, titles
  p.reader.answer('tap-en', 'join:mug', 'yes')
  for n in range(3):
    a = p.till.sale(f'sale-{n}', sale(1000, identifiers=[{'kind': 'card', 'value': 'tok-en'}]))
  assert a['member']['language'] == 'en' and effects(a, 'offer')[0]['name'] == 'A free mug', a


main()
