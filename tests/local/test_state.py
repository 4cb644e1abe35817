"""Files of the state folder are whole or absent, and closed to others."""

from __future__ import annotations

import pytest

from local import state
from local.trouble import from_os_error


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


def test_of_two_commands_that_make_a_secret_at_once_one_wins_for_both(tmp_path, monkeypatch):
    file = tmp_path / "passphrase"
    state.write(file, "the other's")
    real = state.Path.exists
    monkeypatch.setattr(state.Path, "exists", lambda self: self != file and real(self))
    assert state.secret(file) == "the other's", "what the other one encrypted could not be read"


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (PermissionError(13, "Permission denied", "/x"), "sudo chown"),
        (OSError(28, "No space left on device"), "disk is full"),
        (OSError(5, "Input/output error", "/x"), "run the command again"),
    ],
)
def test_what_the_operating_system_refuses_comes_with_advice(error, advice):
    assert advice in str(from_os_error(error, "starting"))
