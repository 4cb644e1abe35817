"""Files of the state folder are whole or absent, and closed to others."""

from __future__ import annotations

import pytest

from local import state


def test_a_write_that_fails_keeps_the_old_content(tmp_path, monkeypatch):
    file = tmp_path / "kubeconfig"
    state.write(file, "old")
    monkeypatch.setattr(state.Path, "rename", _killed)
    with pytest.raises(KeyboardInterrupt):
        state.write(file, "new")
    monkeypatch.undo()
    assert file.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["kubeconfig"], "a part of the new file was left"


def _killed(self, target):
    raise KeyboardInterrupt


def test_a_secret_is_made_once_and_for_its_owner_only(tmp_path):
    file = tmp_path / "passphrase"
    first = state.secret(file)
    assert state.secret(file) == first, "the engine could not read its own state any more"
    assert file.stat().st_mode & 0o077 == 0
    assert len(first) >= 40


def test_the_state_folder_can_be_chosen(tmp_path, monkeypatch):
    monkeypatch.setenv("STOREFLEET_STATE", str(tmp_path / "mine"))
    assert state.state().root == tmp_path / "mine"
