# SPDX-License-Identifier: Apache-2.0
"""Databases of their own for the tests, on the PostgreSQL cluster that run.py made, or else on one that
this file makes for its test (tests/support/pg.py).

  url = database.create()            # what --store takes
  database.sql(url, 'SELECT ...')    # rows, each value as text; None is NULL
  database.drop(url)
"""
import atexit
import ctypes
import itertools
import os
import sys
import urllib.parse

from tap import ROOT

sys.path.insert(0, os.path.join(ROOT, 'tests', 'support'))
import pg  # noqa: E402

ABSENT = 'there is no PostgreSQL server here'
CONNECTION_OK, COMMAND_OK, TUPLES_OK = 0, 1, 2
_numbers = itertools.count(1)
_own = None


def _library():
  """The library that zegel itself stands on, as far as it is needed here."""
  pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
  library = ctypes.CDLL('libpq.so.5')
  for name, result, *arguments in (('PQconnectdb', pointer, text), ('PQfinish', None, pointer),
      ('PQstatus', number, pointer), ('PQerrorMessage', text, pointer), ('PQexec', pointer, pointer, text),
      ('PQresultStatus', number, pointer), ('PQntuples', number, pointer), ('PQnfields', number, pointer),
      ('PQgetisnull', number, pointer, number, number), ('PQgetvalue', text, pointer, number, number),
      ('PQclear', None, pointer)):
    function = getattr(library, name)
    function.restype, function.argtypes = result, arguments
  return library


libpq = _library()


def absent():
  """Why there is no PostgreSQL for a test; None: there is."""
  return None if pg.folder_of_programs() else ABSENT


def cluster_url():
  """The address of the cluster; it is made at the first call if run.py made none."""
  global _own
  if os.environ.get(pg.VARIABLE):
    return os.environ[pg.VARIABLE]
  if _own is None:
    _own = pg.Cluster()
    atexit.register(_own.stop)
    _own.start()
  return _own.url


def other(url, name):
  """The address of another database beside that one."""
  parts = urllib.parse.urlsplit(url)
  return parts.scheme + '://' + parts.netloc + '/' + name + ('?' + parts.query if parts.query else '')


def name_of(url):
  return urllib.parse.urlsplit(url).path.lstrip('/')


def sql(url, *statements):
  """Runs the statements, each by itself; the rows of all of them, in order."""
  rows, connection = [], libpq.PQconnectdb(url.encode())
  try:
    if libpq.PQstatus(connection) != CONNECTION_OK:
      raise AssertionError(libpq.PQerrorMessage(connection).decode())
    for statement in ('SET client_min_messages = warning', *statements):
      rows += _run(connection, statement)
    return rows
  finally:
    libpq.PQfinish(connection)


def _run(connection, statement):
  result = libpq.PQexec(connection, statement.encode())
  try:
    if libpq.PQresultStatus(result) not in (COMMAND_OK, TUPLES_OK):
      raise AssertionError(f'{statement}: ' + libpq.PQerrorMessage(connection).decode())
    return [[_value(result, row, column) for column in range(libpq.PQnfields(result))]
      for row in range(libpq.PQntuples(result))]
  finally:
    libpq.PQclear(result)


def _value(result, row, column):
  if libpq.PQgetisnull(result, row, column):
    return None
  return libpq.PQgetvalue(result, row, column).decode()


def create(base=None):
  """A new, empty database; its address. base: that of a cluster of the test's own."""
  base = base or cluster_url()
  name = f'zegel_{os.getpid()}_{next(_numbers)}'
  sql(base, f'CREATE DATABASE {name} TEMPLATE template0')
  return other(base, name)


def drop(url):
  """Ends what is connected to it, too."""
  sql(cluster_url(), f'DROP DATABASE IF EXISTS {name_of(url)} WITH (FORCE)')


def keep(url):
  """Keeps what the tables hold now, so that put_back() can bring it back."""
  tables = [row[0] for row in sql(url, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
    "AND relkind IN ('r', 'p') AND NOT relispartition")]
  sql(url, 'CREATE SCHEMA kept', *(f'CREATE TABLE kept.{t} AS TABLE public.{t}' for t in tables))


def put_back(url):
  tables = [row[0] for row in sql(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'kept'")]
  sql(url, 'BEGIN', *(f'DELETE FROM public.{t}' for t in tables),
    *(f'INSERT INTO public.{t} SELECT * FROM kept.{t}' for t in tables), 'COMMIT')


class Connection:
  """As much of sqlite3's connection as tampering needs: execute() with ? for values, total_changes."""

  def __init__(self, url):
    self.url, self.total_changes = url, 0

  def execute(self, statement, values=()):
    parts = statement.split('?')
    assert len(parts) == len(values) + 1, statement
    text = parts[0] + ''.join(_literal(value) + part for value, part in zip(values, parts[1:]))
    if text.startswith('SELECT'):
      return Rows(sql(self.url, text))
    rows = sql(self.url, text + ' RETURNING 1')
    self.total_changes += len(rows)
    return Rows(rows)

  def commit(self):
    """Each statement did."""

  def close(self):
    """There is nothing open between two statements."""


class Rows(list):
  def fetchone(self):
    return self[0] if self else None

  def fetchall(self):
    return self


def _literal(value):
  """Untyped, so that it takes the type of what it stands beside."""
  if value is None:
    return 'NULL'
  if isinstance(value, bytes):
    value = '\\x' + value.hex()
  return "'" + str(value).replace("'", "''") + "'"
