"""What a bare name means: a known plugin, or the one registry that has it.

A name that is on both is never guessed: whoever takes the second one could otherwise put something of their
own in the first one's place.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import PluginInstallError, PluginNotFoundError, UsageError
from wasmrun_py.model.events import Level, Message
from wasmrun_py.model.plugin_source import BareName, CratesIo, PyPI
from wasmrun_py.plugin.install import crates, pypi
from wasmrun_py.plugin.install.clients import client_reason, find_client
from wasmrun_py.plugin.install.known import KNOWN_PLUGINS, find_known
from wasmrun_py.toolchain.pypi import names_network

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wasmrun_py.plugin.install.steps import InstallWorld
    from wasmrun_py.system.process import ToolResult

_NEAR = 0.75


class Presence(Enum):
    """Whether a registry has a name."""

    THERE = "there"
    ABSENT = "absent"
    NO_CLIENT = "no client"
    NO_ANSWER = "no answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryAnswer:
    """What one registry's client said about a name.

    Attributes:
        registry: ``PyPI`` or ``the crates registry``.
        presence: Whether it has the name.
        reason: Why nobody knows, in the client's words; empty when somebody does.
    """

    registry: str
    presence: Presence
    reason: str = ""

    @property
    def unknown(self) -> str:
        """``PyPI could not be asked: …``; empty when it was."""
        if self.presence in {Presence.THERE, Presence.ABSENT}:
            return ""
        return f"{self.registry} could not be asked: {self.reason}"


def resolve_name(name: BareName, *, scratch: Path, world: InstallWorld) -> PyPI | CratesIo:
    """Find out which registry a bare name belongs to.

    Raises:
        UsageError: Both have it; asks for the prefix.
        PluginNotFoundError: Neither has it.
        PluginInstallError: A registry did not answer, so that nobody can say.
    """
    known = find_known(name.name)
    if known is not None:
        kind = CratesIo if known.registry == "crates" else PyPI
        return kind(name=known.name, version=name.version)
    on_pypi = ask_pypi(name.name, scratch=scratch / "pypi", world=world)
    on_crates = ask_crates(name.name, scratch=scratch / "crates", world=world)
    there = [answer for answer in (on_pypi, on_crates) if answer.presence is Presence.THERE]
    if len(there) > 1:
        raise UsageError(
            f"{name.name} is on PyPI and on the crates registry",
            hint=f"Say which one is meant: pypi:{name.name} or crates:{name.name}",
        )
    _check_answers(name, on_pypi, on_crates, found=bool(there))
    if not there:
        raise _not_found(name, on_pypi, on_crates)
    for answer in (on_pypi, on_crates):
        if answer.unknown:
            world.reporter.emit(Message(level=Level.WARNING, text=answer.unknown))
    kind = PyPI if on_pypi.presence is Presence.THERE else CratesIo
    return kind(name=name.name, version=name.version)


def ask_pypi(name: str, *, scratch: Path, world: InstallWorld) -> RegistryAnswer:
    """Whether PyPI, or what uv is set up to take for it, has a distribution of exactly this name."""

    def ask() -> ToolResult:
        return pypi.compile_requirements(name, scratch=scratch, world=world, deep=False)

    return _ask("PyPI", "uv", ask, absent=pypi.names_absence, world=world)


def ask_crates(name: str, *, scratch: Path, world: InstallWorld) -> RegistryAnswer:
    """Whether the crates registry, or what cargo is set up to take for it, has this crate."""

    def ask() -> ToolResult:
        return crates.lock_crate(name, "*", scratch=scratch, world=world)

    return _ask("the crates registry", "cargo", ask, absent=crates.names_absence, world=world)


def _ask(
    registry: str,
    client: str,
    ask: Callable[[], ToolResult],
    *,
    absent: Callable[[str], bool],
    world: InstallWorld,
) -> RegistryAnswer:
    if find_client(client, world) is None:
        return RegistryAnswer(
            registry=registry, presence=Presence.NO_CLIENT, reason=f"{client} is not installed"
        )
    result = ask()
    if result.returncode == 0:
        return RegistryAnswer(registry=registry, presence=Presence.THERE)
    reason = client_reason(result)
    if absent(result.output):
        return RegistryAnswer(registry=registry, presence=Presence.ABSENT)
    if names_network(result.output):
        return RegistryAnswer(registry=registry, presence=Presence.NO_ANSWER, reason=reason)
    # It knows the name and has nothing for this machine, which the installation will say in full.
    return RegistryAnswer(registry=registry, presence=Presence.THERE)


def _check_answers(name: BareName, *answers: RegistryAnswer, found: bool) -> None:
    """Refuse to go on when a registry whose client is there said nothing: it may have the name too."""
    silent = [answer for answer in answers if answer.presence is Presence.NO_ANSWER]
    if not silent:
        return
    said = "; ".join(answer.unknown for answer in silent)
    where = "only one registry answered" if found else "nobody can say where it is"
    raise PluginInstallError(
        f"{name.name} was not looked up everywhere, and {where}. {said}",
        hint=f"Check the network, or say which one is meant: pypi:{name.name} or crates:{name.name}",
    )


def _not_found(name: BareName, *answers: RegistryAnswer) -> PluginNotFoundError:
    import difflib  # noqa: PLC0415 - only a mistake needs it

    asked = [answer.registry for answer in answers if not answer.unknown]
    unknown = [answer.unknown for answer in answers if answer.unknown]
    where = f"Not on {' and not on '.join(asked)}. " if asked else ""
    near = difflib.get_close_matches(
        name.name.lower(), [each.name for each in KNOWN_PLUGINS], n=1, cutoff=_NEAR
    )
    hint = f"Did you mean {near[0]}?" if near else "wasmrun plugin search NAME looks for plugins."
    return PluginNotFoundError(
        f"There is no plugin {name.name}. {where}{'; '.join(unknown)}".rstrip(" ."), hint=hint
    )
