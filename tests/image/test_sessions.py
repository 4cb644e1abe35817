"""The store of sessions, on a class that does what Odoo's own store does and a cache that is a dictionary."""

import importlib
import json
import re
from fnmatch import fnmatchcase

import pytest

pytestmark = pytest.mark.unit

SID = "a" * 42 + "b" * 42


class Cache:
    def __init__(self):
        self.held, self.seconds, self.ranked = {}, {}, {}

    def set(self, key, value, *, ex):
        self.held[key], self.seconds[key] = value.encode(), ex

    def get(self, key):
        return self.held.get(key)

    def delete(self, key):
        self.held.pop(key, None)

    def pipeline(self):
        return self

    def execute(self):
        pass

    def zadd(self, key, ranks):
        self.ranked.setdefault(key, {}).update(ranks)

    def zrem(self, key, member):
        self.ranked.get(key, {}).pop(member, None)

    def zremrangebyscore(self, key, least, most):
        held = self.ranked.get(key, {})
        self.ranked[key] = {one: rank for one, rank in held.items() if rank > most}

    def expire(self, key, seconds):
        pass

    def zscan_iter(self, key, *, match, count):
        held = self.ranked.get(key, {}).items()
        return [(one.encode(), rank) for one, rank in held if fnmatchcase(one, match)]


class Session(dict):
    def __init__(self, data, sid, new=False):
        super().__init__(data)
        self.sid, self.new = sid, new


class OdoosOwn:
    """The part of Odoo's store that is inherited: keys are made, checked and rotated here."""

    def __init__(self, path, session_class, renew_missing):
        self.path, self.session_class, self.renew_missing = path, session_class, renew_missing

    def is_valid_key(self, key):
        return re.fullmatch(r"[A-Za-z0-9_-]{84}", key) is not None

    def new(self):
        return Session({}, "n" * 84, new=True)

    def rotate(self, session, env):
        self.delete(session)
        session.sid = "r" * 84
        self.save(session)


@pytest.fixture
def cache():
    return Cache()


@pytest.fixture
def store(cache):
    module = importlib.import_module("storefleet_sessions.store")
    return module.store_class(OdoosOwn)(cache, "acme", Session)


def test_a_session_comes_back_as_it_was_kept(store):
    store.save(Session({"uid": 7, "context": {"lang": "fr_FR"}}, SID))
    assert store.get(SID) == {"uid": 7, "context": {"lang": "fr_FR"}}
    assert store.get(SID).new is False


def test_every_key_begins_with_the_tenants_id_because_the_cache_lets_it_reach_no_other(store, cache):
    store.save(Session({}, SID))
    assert list(cache.held) == [f"acme:session:{SID}"], "the cache would refuse it, and nobody could sign in"


def test_who_is_signed_in_is_remembered_for_a_week_and_everybody_else_for_hours(store, cache):
    store.save(Session({"uid": 7}, SID))
    store.save(Session({"uid": None}, "c" * 84))
    assert list(cache.seconds.values()) == [7 * 24 * 3600, 3 * 3600]


@pytest.mark.parametrize("sid", ["", "short", "*" * 84, SID])
def test_a_key_that_nobody_gave_out_is_never_taken_over(store, sid):
    found = store.get(sid)
    assert found.new
    assert found.sid != sid, "who sends a key of his own choice would share it with his victim"


def test_a_rotated_session_leaves_nothing_under_its_old_key(store, cache):
    session = Session({"uid": 7}, SID)
    store.save(session)
    store.rotate(session, None)
    assert [json.loads(value) for value in cache.held.values()] == [{"uid": 7}]
    assert store.get(SID).new


def test_a_device_that_is_signed_out_is_found_by_the_beginning_of_its_key(store, cache):
    store.save(Session({"uid": 7}, SID))
    store.save(Session({"uid": 8}, "z" * 84))
    assert store.get_missing_session_identifiers([SID[:42], "y" * 42]) == {"y" * 42}
    store.delete_from_identifiers([SID[:42]])
    assert list(store.list()) == ["z" * 84]


def test_a_pattern_in_place_of_an_identifier_signs_nobody_out(store, cache):
    store.save(Session({"uid": 7}, SID))
    with pytest.raises(ValueError, match="not the identifier"):
        store.delete_from_identifiers(["*" * 42])
    assert len(cache.held) == 1


def test_another_tenants_sessions_are_not_seen(store, cache):
    cache.set(f"acme-x:session:{SID}", "{}", ex=1)
    assert store.get(SID).new
    assert list(store.list()) == []
