"""Folders with personal data belong to their owner alone."""

from pathlib import Path

from dispatcher.settings import Settings


def test_the_data_folder_and_the_secret_in_it_are_for_the_owner_alone(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path / "deep" / "var")
    settings.signing_secret()
    assert settings.data_dir.stat().st_mode & 0o777 == 0o700
    assert (settings.data_dir / "secret").stat().st_mode & 0o777 == 0o600


def test_a_data_folder_that_was_there_keeps_its_rights(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir(mode=0o750)
    Settings(_env_file=None, data_dir=tmp_path / "var").open_data_dir()
    assert (tmp_path / "var").stat().st_mode & 0o777 == 0o750
