"""Which remote cache is used: as the user's environment and file say, never a project; secrets stay so."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from wasmrun_py.config.remote_cache import RemoteCacheSettings
from wasmrun_py.config.settings import Overrides, load_cache_settings, resolve_settings
from wasmrun_py.model.errors import ConfigError, UsageError
from wasmrun_py.system.paths import Home

if TYPE_CHECKING:
    from pathlib import Path

ADDRESS = "https://cache.example.com/builds/"
SECRET = "hunter2-hunter2"  # noqa: S105 - so that it can be looked for


def load(tmp_path: Path, environ: dict[str, str], config: str = "") -> RemoteCacheSettings | None:
    """The settings for an environment and a config.toml."""
    home = Home(root=tmp_path)
    if config:
        home.config_file.write_text(config, encoding="utf-8")
    return load_cache_settings(environ=environ, home=home).remote


def get(tmp_path: Path, environ: dict[str, str], config: str = "") -> RemoteCacheSettings:
    """The same where there must be one."""
    found = load(tmp_path, environ, config)
    assert found is not None
    return found


def test_there_is_none_unless_it_is_asked_for(tmp_path: Path) -> None:
    """Without an address, and with the mode "off", nothing is asked."""
    assert load(tmp_path, {}) is None
    assert load(tmp_path, {"WASMRUN_REMOTE_CACHE": " "}) is None
    assert load(tmp_path, {"WASMRUN_REMOTE_CACHE": ADDRESS, "WASMRUN_REMOTE_CACHE_MODE": "off"}) is None


def test_it_is_only_read_unless_said_otherwise(tmp_path: Path) -> None:
    """The default is read-only, without credentials, with ten seconds a build."""
    found = get(tmp_path, {"WASMRUN_REMOTE_CACHE": ADDRESS})
    assert found == RemoteCacheSettings(address="https://cache.example.com/builds", timeout_s=10)
    assert found.host == "cache.example.com"
    assert not found.writes


def test_the_environment_goes_over_the_file(tmp_path: Path) -> None:
    """Each value comes from its variable, else from config.toml."""
    config = '[cache]\nremote = "https://file.example.com"\nremote_mode = "read-write"\n'
    found = get(tmp_path, {"WASMRUN_REMOTE_CACHE": ADDRESS}, config)
    assert (found.host, found.writes) == ("cache.example.com", True)
    found = get(tmp_path, {"WASMRUN_REMOTE_CACHE_MODE": "read"}, config)
    assert (found.host, found.writes) == ("file.example.com", False)


def test_a_token_becomes_a_bearer_header(tmp_path: Path) -> None:
    """The line end that a file's content ends in is not part of the token."""
    found = get(tmp_path, {"WASMRUN_REMOTE_CACHE": ADDRESS, "WASMRUN_REMOTE_CACHE_TOKEN": f"{SECRET}\n"})
    assert found.authorization == f"Bearer {SECRET}"


def test_user_and_password_become_a_basic_header(tmp_path: Path) -> None:
    """As RFC 7617 has it, in UTF-8."""
    environ = {"WASMRUN_REMOTE_CACHE_USER": "bo", "WASMRUN_REMOTE_CACHE_PASSWORD": "pä:ss"}
    found = get(tmp_path, {"WASMRUN_REMOTE_CACHE": ADDRESS, **environ})
    assert found.authorization is not None
    assert base64.b64decode(found.authorization.removeprefix("Basic ")).decode() == "bo:pä:ss"


def test_a_job_without_the_secret_is_anybody(tmp_path: Path) -> None:
    """CI gives jobs of strangers an empty password or token: they ask without credentials."""
    environ = {"WASMRUN_REMOTE_CACHE": ADDRESS, "WASMRUN_REMOTE_CACHE_USER": "ci"}
    assert get(tmp_path, {**environ, "WASMRUN_REMOTE_CACHE_PASSWORD": ""}).authorization is None
    assert get(tmp_path, {**environ, "WASMRUN_REMOTE_CACHE_TOKEN": "\n"}).authorization is None


def test_credentials_are_not_in_what_is_printed(tmp_path: Path) -> None:
    """A value that ends up in a log shows no credential."""
    found = get(tmp_path, {"WASMRUN_REMOTE_CACHE": ADDRESS, "WASMRUN_REMOTE_CACHE_TOKEN": SECRET})
    assert SECRET not in repr(found)
    assert SECRET not in str(found)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"WASMRUN_REMOTE_CACHE": f"https://bo:{SECRET}@cache.example.com"}, "user name or password"),
        ({"WASMRUN_REMOTE_CACHE": "cache.example.com"}, "no http or https address"),
        ({"WASMRUN_REMOTE_CACHE": "grpc://cache.example.com:9092"}, "no http or https address"),
        ({"WASMRUN_REMOTE_CACHE": "https://"}, "no http or https address"),
        ({"WASMRUN_REMOTE_CACHE": "https://[::1/"}, "no web address"),
        ({"WASMRUN_REMOTE_CACHE": "https://host:99999/"}, "no web address"),
        ({"WASMRUN_REMOTE_CACHE": "https://ca che/"}, "no web address"),
        ({"WASMRUN_REMOTE_CACHE": f"https://{'h' * 3000}/"}, "no web address"),
        ({"WASMRUN_REMOTE_CACHE": f"https://cache.example.com/?token={SECRET}"}, '"?" or "#"'),
        ({"WASMRUN_REMOTE_CACHE": "http://cache.example.com/"}, "plain http to another machine"),
        ({"WASMRUN_REMOTE_CACHE": ADDRESS, "WASMRUN_REMOTE_CACHE_MODE": "write"}, 'cannot be "write"'),
        ({"WASMRUN_REMOTE_CACHE": ADDRESS, "WASMRUN_REMOTE_CACHE_TOKEN": f"Bearer {SECRET}"}, "a space"),
        (
            {
                "WASMRUN_REMOTE_CACHE": ADDRESS,
                "WASMRUN_REMOTE_CACHE_TOKEN": SECRET,
                "WASMRUN_REMOTE_CACHE_USER": "bo",
            },
            "Both",
        ),
        ({"WASMRUN_REMOTE_CACHE": ADDRESS, "WASMRUN_REMOTE_CACHE_PASSWORD": SECRET}, "is not set"),
        (
            {
                "WASMRUN_REMOTE_CACHE": ADDRESS,
                "WASMRUN_REMOTE_CACHE_USER": f"bo:{SECRET}",
                "WASMRUN_REMOTE_CACHE_PASSWORD": SECRET,
            },
            "a colon",
        ),
        ({"WASMRUN_REMOTE_CACHE": ADDRESS, "WASMRUN_REMOTE_CACHE_TIMEOUT": "soon"}, 'cannot be "soon"'),
        ({"WASMRUN_REMOTE_CACHE": ADDRESS, "WASMRUN_REMOTE_CACHE_TIMEOUT": "nan"}, 'cannot be "nan"'),
        ({"WASMRUN_REMOTE_CACHE": ADDRESS, "WASMRUN_REMOTE_CACHE_TIMEOUT": "0"}, 'cannot be "0"'),
    ],
)
def test_a_bad_value_names_the_variable_and_no_secret(
    tmp_path: Path, environ: dict[str, str], said: str
) -> None:
    """What cannot be used is a usage error that repeats no credential, and says what to do."""
    with pytest.raises(UsageError) as caught:
        load(tmp_path, environ)
    assert said in caught.value.message
    assert caught.value.hint
    assert SECRET not in f"{caught.value.message} {caught.value.hint}"
    assert "WASMRUN_REMOTE_CACHE" in caught.value.message


@pytest.mark.parametrize("address", ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"])
def test_plain_http_is_fine_on_this_machine(tmp_path: Path, address: str) -> None:
    """On the loopback nobody is on the way."""
    assert get(tmp_path, {"WASMRUN_REMOTE_CACHE": address}).address == address


def test_plain_http_to_others_can_be_allowed(tmp_path: Path) -> None:
    """By the variable, or by config.toml."""
    environ = {"WASMRUN_REMOTE_CACHE": "http://cache.lan:9090"}
    assert get(tmp_path, {**environ, "WASMRUN_REMOTE_CACHE_HTTP": "allow"}).host == "cache.lan:9090"
    assert get(tmp_path, environ, '[cache]\nremote_http = "allow"\n').host == "cache.lan:9090"


def test_a_bad_address_in_the_file_is_pointed_at(tmp_path: Path) -> None:
    """The error carries the line."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, {}, f'[cache]\nremote_mode = "read"\nremote = "https://bo:{SECRET}@host/"\n')
    assert caught.value.line == 3
    assert SECRET not in caught.value.message


def test_an_unknown_mode_in_the_file_is_answered_with_the_nearest(tmp_path: Path) -> None:
    """A typing mistake is answered with "did you mean"."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, {}, '[cache]\nremote_mode = "readwrite"\n')
    assert "read-write" in caught.value.hint


def test_a_project_cannot_name_a_remote_cache(tmp_path: Path) -> None:
    """A repository that somebody clones does not decide where builds come from."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "wasmrun.toml").write_text('[cache]\nremote = "https://evil.example.com"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="a project has no say") as caught:
        resolve_settings(project, Overrides(), environ={}, home=Home(root=tmp_path))
    assert caught.value.line == 2
    assert "config.toml" in caught.value.hint


def test_a_build_s_settings_carry_it(tmp_path: Path) -> None:
    """resolve_settings resolves it with everything else."""
    settings = resolve_settings(
        tmp_path, Overrides(), environ={"WASMRUN_REMOTE_CACHE": ADDRESS}, home=Home(root=tmp_path)
    )
    assert settings.cache.remote is not None
    assert settings.cache.remote.host == "cache.example.com"
