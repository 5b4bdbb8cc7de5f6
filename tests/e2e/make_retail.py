#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A file of invoices like UCI's "Online Retail", made up from a seed: for `zegel replay` where the real one is
not at hand. The same columns and the same oddities, more often than in the real one:

  customers that are blank; cancellations (C...) of one line, of parts, of several sales at once, of more than was
  ever bought, of nothing; adjustments (A...); quantities of zero and below; prices of zero, of fractions of a
  penny, with a rounding to make; descriptions that are empty, quoted, not ASCII, not UTF-8; the same article
  twice on one invoice; lines of one invoice apart from each other, or a minute apart.

  python3 tests/e2e/make_retail.py --lines 5000 --seed 7 > retail.csv
"""
import argparse
import datetime
import random
import sys

COLUMNS = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country'
NAMES = [b'WHITE METAL LANTERN', b'"HEART, T-LIGHT HOLDER"', b'"SIGN ""HOME SWEET HOME"""', b'', b'POSTAGE',
  'CAFÉ SET <BLUE> & €5 OFF'.encode(), 'MÖBEL'.encode('latin-1'), b'DOT\tCOM', b'LONG ' * 70, '長い名前'.encode() * 30]
PRICES = ['2.55', '3.39', '0.85', '1.65', '12.75', '0.42', '295.0', '0.125', '1.005', '0.19', '4.95', '8']


class Retail:
  def __init__(self, seed):
    self.random = random.Random(seed)
    self.at = datetime.datetime(2010, 12, 1, 8, 26)
    self.number = 536365
    self.articles = [self.article(n) for n in range(60)]
    self.customers = [str(12346 + 7 * n) for n in range(40)]
    self.bought = []  # (customer, stock code, quantity, price)
    self.rows = []

  def chance(self, part):
    return self.random.random() < part

  def article(self, n):
    return f'{20000 + n}{self.random.choice(["", "A", "b"])}', self.random.choice(NAMES), self.random.choice(PRICES)

  def row(self, number, stock, name, quantity, price, customer):
    at = self.at + datetime.timedelta(minutes=self.chance(0.02))
    self.rows.append(b','.join([number.encode(), stock.encode(), name, str(quantity).encode(), str(at).encode(),
      price.encode(), customer.encode(), b'United Kingdom']))

  def sale(self, number):
    customer = '' if self.chance(0.1) else self.random.choice(self.customers)
    for _ in range(min(60, 1 + int(self.random.expovariate(1 / 9)))):
      stock, name, price = self.random.choice(self.articles)
      quantity = self.random.choice([1, 1, 2, 3, 6, 12, 48, 600])
      if self.chance(0.03):
        price = self.random.choice(['0.0', '0.001', '0.004', '0.005', '-1.00', '-0.005'])
      if self.chance(0.03):
        quantity = -self.random.choice([0, 1, 9])
      self.row(number, stock, name, quantity, price, customer)
      self.bought.append((customer, stock, quantity, price))
      if self.chance(0.06):
        self.row(number, stock, name, 1, self.random.choice(PRICES), customer)

  def lost(self, number):
    """Stock that was lost: an invoice of nothing."""
    stock, _, _ = self.random.choice(self.articles)
    self.row(number, stock, b'damaged', -self.random.randint(1, 90), '0.0', '')

  def cancel(self, number):
    taken = self.random.sample(self.bought, min(len(self.bought), 1 + int(self.random.expovariate(1 / 3))))
    customer = taken[0][0] if taken else self.random.choice(self.customers)
    if self.chance(0.2):  # goods of this customer's that were never theirs, or are in many sales of theirs
      customer = self.random.choice(self.customers)
    for owner, stock, quantity, price in taken:
      if owner == customer or self.chance(0.3):
        back = max(1, quantity) * (self.random.choice([1, 1, 1, 3, 50]) if self.chance(0.4) else 1)
        self.row(number, stock, b'', -self.random.choice([back, 1, back]), price, customer)
    if not taken or self.chance(0.1):
      self.row(number, 'M', b'Manual', -1, '9.95', customer)

  def invoice(self):
    number = str(self.number)
    self.number += 1
    self.at += datetime.timedelta(minutes=self.random.randint(0, 12))
    kind = self.random.random()
    if kind < 0.15:
      self.cancel('C' + number)
    elif kind < 0.2:
      self.lost(number)
    elif kind < 0.22:
      self.row('A' + number, 'B', b'Adjust bad debt', 1, '-11062.06', '')
    else:
      self.sale(number)

  def apart(self):
    """A few lines move a little way off the others of their invoice."""
    for _ in range(len(self.rows) // 200):
      n = self.random.randrange(len(self.rows))
      self.rows.insert(min(len(self.rows), n + self.random.randint(1, 30)), self.rows.pop(n))

  def make(self, lines):
    while len(self.rows) < lines:
      self.invoice()
    self.apart()
    return b'\r\n'.join([COLUMNS.encode(), *self.rows]) + b'\r\n'


def make(lines, seed):
  """The file, as bytes."""
  return Retail(seed).make(lines)


if __name__ == '__main__':
  parser = argparse.ArgumentParser(description='Makes up a file of invoices for zegel replay.')
  parser.add_argument('--lines', type=int, default=5000)
  parser.add_argument('--seed', type=int, default=20261121)
  options = parser.parse_args()
  sys.stdout.buffer.write(make(options.lines, options.seed))
