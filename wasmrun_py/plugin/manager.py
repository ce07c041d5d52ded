"""Choose the plugin for a project (the article's ``PluginManager``).

Selection is deterministic (DESIGN §6): explicit wins, then the highest confidence, then external before
built-in, then the name. Plugins of different languages that tie are an error that names them. No plugin
and no language is named here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wasmrun_py.config.settings import PROJECT_FILE
from wasmrun_py.model.errors import (
    AmbiguousProjectError,
    NoPluginMatchError,
    PluginCorruptError,
    PluginFailedError,
    PluginNotFoundError,
    TransportError,
)
from wasmrun_py.model.manifest import Match, MatchKind, NoMatch, PluginType
from wasmrun_py.plugin.boundary import foreign_code
from wasmrun_py.plugin.registry import RegisteredPlugin, load_registered_plugins

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.model.manifest import PluginCapabilities, PluginInfo
    from wasmrun_py.plugin.api import Plugin, PluginContext

# An extension match never beats another plugin's entry-file or project-file match (DESIGN §6).
_EXTENSION_CEILING = 49
_NAMED_FLOOR = 50
_CEILING = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What one plugin answered about a project.

    Attributes:
        plugin: The plugin's name.
        matched: It would take the project.
        confidence: 0 when it would not, else 1 to 100.
        reason: Why, or why not.
        corrupt: Its manifest matches and its files are not what was installed, or None.
    """

    plugin: str
    matched: bool
    confidence: int
    reason: str
    corrupt: PluginCorruptError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenPlugin:
    """The plugin that will build a project.

    Attributes:
        name: Its name.
        info: Its manifest.
        plugin: The object.
        registered: How it was announced.
    """

    name: str
    info: PluginInfo
    plugin: Plugin
    registered: RegisteredPlugin


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """Everything ``detect`` can say.

    Attributes:
        candidates: One answer a plugin, best first.
        tied: Names of the plugins that tie for the first place; empty when there is no tie.
    """

    candidates: tuple[Candidate, ...]
    tied: tuple[str, ...]

    @property
    def selected(self) -> str | None:
        """The plugin that would take the project, or None (nobody, or a tie)."""
        if self.tied or not self.candidates or not self.candidates[0].matched:
            return None
        return self.candidates[0].plugin


class PluginManager:
    """The registered plugins of this run.

    Args:
        context: Handed to plugins that ask for it.
    """

    def __init__(self, context: PluginContext) -> None:
        self._context = context
        self._registered = load_registered_plugins(context)

    @property
    def context(self) -> PluginContext:
        """What the plugins of this run were handed: the same environment serves the host's own steps."""
        return self._context

    @property
    def registered(self) -> tuple[RegisteredPlugin, ...]:
        """Every announced plugin, also those that could not be loaded."""
        return self._registered

    def get_registered(self, name: str) -> RegisteredPlugin:
        """The plugin of a name, whatever its state; an installed one before a built-in.

        Raises:
            PluginNotFoundError: There is none.
        """
        named = [each for each in self._registered if each.name == name]
        if not named:
            known = [each.name for each in self._registered]
            raise PluginNotFoundError(f'There is no plugin "{name}"', hint=_near(name, known))
        return next((each for each in named if each.installed is not None), named[0])

    def detect(self, project: Path) -> Detection:
        """Ask every plugin about ``project``; a disabled one is not asked."""
        answers = [(self._ask(registered, project), registered) for registered in self._registered]
        answers.sort(
            key=lambda answer: (
                -answer[0].confidence,
                answer[1].type is PluginType.BUILTIN,
                answer[0].plugin,
            )
        )
        return Detection(candidates=tuple(candidate for candidate, _ in answers), tied=_find_tie(answers))

    def select(
        self, project: Path, *, plugin: str | None = None, language: str | None = None
    ) -> ChosenPlugin:
        """The plugin that builds ``project``.

        Args:
            project: The project's folder.
            plugin: Take this one, whatever it says of the project.
            language: Take one for this language.

        Raises:
            PluginNotFoundError: No plugin has that name or language.
            PluginFailedError: The plugin that was asked for by name could not be loaded.
            NoPluginMatchError: No plugin recognises the project.
            AmbiguousProjectError: Plugins for different languages tie.
        """
        if plugin is not None:
            return self._get_named(plugin)
        return self.choose(self.detect(project), project, language=language)

    def choose(self, detection: Detection, project: Path, *, language: str | None = None) -> ChosenPlugin:
        """The plugin that builds ``project``, from answers that are in already.

        Raises:
            PluginNotFoundError, NoPluginMatchError, AmbiguousProjectError: As ``select``.
            PluginCorruptError: A plugin that matches is not what was installed.
        """
        if language is not None:
            return self._get_for_language(language, detection)
        corrupt = next((each.corrupt for each in detection.candidates if each.corrupt is not None), None)
        if corrupt is not None:
            # It would take the project: that another one builds it instead is not for us to decide.
            raise corrupt
        if detection.tied:
            listed = " and ".join(detection.tied)
            raise AmbiguousProjectError(
                f"{project} looks equally like a project for {listed}",
                candidates=detection.tied,
                hint=f"Choose one: --plugin {detection.tied[0]}, or [project] language in wasmrun.toml.",
            )
        if detection.selected is None:
            raise NoPluginMatchError(
                f"No plugin recognises {project}", hint=_explain_no_match(detection.candidates)
            )
        return self._get_named(detection.selected)

    def get_plugins_by_capability(self, capability: str) -> tuple[RegisteredPlugin, ...]:
        """The enabled plugins that have a capability (the article's ``get_plugins_by_capability``).

        Args:
            capability: ``compile_wasm``, ``compile_webapp``, ``live_reload``, ``optimization``, a target
                word of a plugin's own, or a language.

        Returns:
            The plugins in the order they are asked about a project.
        """
        return tuple(
            each
            for each in self._registered
            if each.enabled and each.info is not None and _is_capable(each.info.capabilities, capability)
        )

    def require_needed(self, project: Path, *, frozen: bool) -> None:
        """Refuse to build a project whose ``[plugins]`` are not installed, or (frozen) not as locked.

        Raises:
            PluginNotFoundError, PluginLockError, ConfigError: As ``store.project_lock.require_needed``.
        """
        if not (project / PROJECT_FILE).is_file():
            return
        from wasmrun_py.plugin.store.project_lock import require_needed  # noqa: PLC0415 - few projects need it

        installed = [each.installed for each in self._registered if each.installed is not None]
        require_needed(project, installed, frozen=frozen)

    def require_acceptable(self, project: Path, chosen: ChosenPlugin, *, frozen: bool) -> None:
        """With ``--frozen``, refuse an installed plugin that the project's lock does not name.

        Raises:
            PluginLockError, ConfigError: As ``store.project_lock.require_locked``.
        """
        if not frozen or chosen.registered.installed is None:
            return
        from wasmrun_py.plugin.store.project_lock import require_locked  # noqa: PLC0415 - as above

        require_locked(project, chosen.registered.installed)

    def _ask(self, registered: RegisteredPlugin, project: Path) -> Candidate:
        """One plugin's answer; a plugin that fails has not matched, and says so."""
        plugin, why_not = registered.plugin, self._why_not_asked(registered)
        if plugin is None or why_not:
            return _refusal(registered.name, why_not)
        try:
            with foreign_code(registered.name, "can_handle_project"):
                answer = plugin.can_handle_project(project)
                if isinstance(answer, Match):
                    return Candidate(
                        plugin=registered.name,
                        matched=True,
                        confidence=_bounded(answer),
                        reason=_with_crashes(answer.reason, registered),
                    )
                if answer is not None and not isinstance(answer, NoMatch):
                    raise TypeError(f"it answered a {type(answer).__name__}, not a Match")
        except PluginFailedError as error:
            return _refusal(registered.name, error.message)
        except PluginCorruptError as error:
            return replace(_refusal(registered.name, error.message), corrupt=error)
        return _refusal(registered.name, answer.reason if answer else "it does not recognise the project")

    def _why_not_asked(self, registered: RegisteredPlugin) -> str:
        """Why a plugin is not asked about projects; empty when it is."""
        if not registered.enabled:
            return "it is disabled"
        if registered.plugin is None:
            return registered.health.message or "it could not be loaded"
        forced = self._context.transport
        if forced is not None and forced not in registered.transports:
            return f"it has no {forced} transport"
        return ""

    def _get_named(self, name: str) -> ChosenPlugin:
        disabled: RegisteredPlugin | None = None
        for registered in self._registered:
            if registered.name != name:
                continue
            if not registered.enabled:
                disabled = registered
                continue
            if registered.plugin is None or registered.info is None:
                raise PluginFailedError(
                    registered.health.message,
                    plugin=name,
                    phase="load",
                    hint="Reinstall or remove the plugin.",
                )
            self._require_transport(registered)
            return ChosenPlugin(
                name=name, info=registered.info, plugin=registered.plugin, registered=registered
            )
        if disabled is not None:
            raise PluginNotFoundError(
                f'Plugin "{name}" is disabled', hint=f"Enable it: wasmrun plugin enable {name}"
            )
        raise PluginNotFoundError(
            f'There is no plugin "{name}"', hint=_near(name, [each.name for each in self._registered])
        )

    def _require_transport(self, registered: RegisteredPlugin) -> None:
        """Refuse a plugin that cannot be called in the one way that was asked for."""
        forced = self._context.transport
        if forced is not None and forced not in registered.transports:
            raise TransportError(
                f'Plugin "{registered.name}" has no {forced} transport',
                plugin=registered.name,
                phase="start",
                hint=f"It can be called through: {', '.join(registered.transports)}.",
            )

    def _get_for_language(self, language: str, detection: Detection) -> ChosenPlugin:
        speaking = {
            registered.name
            for registered in self._registered
            if registered.info is not None
            and registered.enabled
            and language.casefold() in _languages(registered.name, registered.info)
        }
        if not speaking:
            known = {
                word
                for each in self._registered
                if each.info is not None
                for word in _languages(each.name, each.info)
            }
            raise PluginNotFoundError(
                f'No plugin builds the language "{language}"', hint=_near(language.casefold(), sorted(known))
            )
        ranked = [candidate.plugin for candidate in detection.candidates]
        return self._get_named(next(name for name in ranked if name in speaking))


def _is_capable(capabilities: PluginCapabilities, capability: str) -> bool:
    flag = getattr(capabilities, capability, None)
    if isinstance(flag, bool):
        return flag
    words = (*capabilities.custom_targets, *capabilities.supported_languages)
    return capability.casefold() in {word.casefold() for word in words}


def _languages(name: str, info: PluginInfo) -> set[str]:
    return {name.casefold(), *(word.casefold() for word in info.capabilities.supported_languages)}


def _bounded(match: Match) -> int:
    """The confidence within what its kind may claim."""
    low, high = (1, _EXTENSION_CEILING) if match.kind is MatchKind.EXTENSION else (_NAMED_FLOOR, _CEILING)
    return max(low, min(high, int(match.confidence)))


def _with_crashes(reason: str, registered: RegisteredPlugin) -> str:
    """A reason, with the crashes of the transports that could not give it."""
    incidents = getattr(registered.plugin, "incidents", ())
    return "; ".join((reason, *(incident.message for incident in incidents if incident.loud)))


def _refusal(plugin: str, reason: str) -> Candidate:
    return Candidate(plugin=plugin, matched=False, confidence=0, reason=reason)


def _find_tie(answers: list[tuple[Candidate, RegisteredPlugin]]) -> tuple[str, ...]:
    """Names that share the first place: same confidence, same origin, no language in common."""
    matched = [answer for answer in answers if answer[0].matched]
    if not matched:
        return ()
    best, best_plugin = matched[0]
    level = [
        (candidate, registered)
        for candidate, registered in matched
        if candidate.confidence == best.confidence and registered.type is best_plugin.type
    ]
    spoken = [_languages(each.name, each.info) for _, each in level if each.info is not None]
    if len(level) == 1 or set.intersection(*spoken):
        return ()
    return tuple(sorted(candidate.plugin for candidate, _ in level))


def _explain_no_match(candidates: tuple[Candidate, ...]) -> str:
    looked = "; ".join(f"{candidate.plugin}: {candidate.reason}" for candidate in candidates)
    return f"Looked for: {looked}." if looked else "No plugin is installed."


def _near(word: str, known: list[str]) -> str:
    import difflib  # noqa: PLC0415 - only a mistake needs it

    near = difflib.get_close_matches(word, known, n=1)
    if near:
        return f'Did you mean "{near[0]}"?'
    return f"Known: {', '.join(sorted(known))}."
