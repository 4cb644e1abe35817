"""Ports are chosen once and remembered, and one that somebody else took is replaced."""

from __future__ import annotations

import json
import socket

import pytest

from local.controlplane import ports


def nobody(name):
    return False


def test_ports_are_remembered(tmp_path):
    first, moved = ports.ensure(tmp_path / "ports.json", nobody)
    again, moved_again = ports.ensure(tmp_path / "ports.json", nobody)
    assert first == again, "a kubeconfig that somebody copied would stop working"
    assert (moved, moved_again) == ((), ())
    assert len(set(first.values())) == len(ports.NAMES), "two processes share a port"


def test_a_port_that_another_program_holds_is_replaced_and_named(tmp_path):
    file = tmp_path / "ports.json"
    first, _ = ports.ensure(file, nobody)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first["apiserver"]))
        taken.listen()
        second, moved = ports.ensure(file, nobody)
    assert moved == ("apiserver",)
    assert second["apiserver"] != first["apiserver"]
    assert {k: v for k, v in second.items() if k != "apiserver"} == {
        k: v for k, v in first.items() if k != "apiserver"
    }


def test_a_port_that_our_own_process_holds_is_kept(tmp_path):
    file = tmp_path / "ports.json"
    first, _ = ports.ensure(file, nobody)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first["etcd"]))
        taken.listen()
        second, moved = ports.ensure(file, lambda name: name == "etcd")
    assert (second, moved) == (first, ())


def test_a_file_that_cannot_be_read_is_made_again(tmp_path):
    file = tmp_path / "ports.json"
    file.write_text('{"etcd": "many"')
    chosen, moved = ports.ensure(file, nobody)
    assert set(chosen) == set(ports.NAMES)
    assert moved == ()


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "7",
        '{"etcd": null}',
        '{"etcd": 99999}',
        '{"etcd": 0}',
        '{"etcd": 2379, "etcd-peer": 2379}',
        "\udcff",
    ],
)
def test_a_file_with_ports_that_cannot_be_is_made_again(tmp_path, content):
    file = tmp_path / "ports.json"
    file.write_text(content, errors="surrogateescape")
    chosen, _ = ports.ensure(file, nobody)
    assert len(set(chosen.values())) == len(ports.NAMES)
    assert json.loads(file.read_text()) == chosen
