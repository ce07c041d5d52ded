"""The verdict on a WebAssembly file, and where it is wrong.

Validation is wasmtime's. This module chooses what to hand it, and turns its words into a message and an
offset in the file. Core modules are validated without being compiled. Components can only be compiled, so
what is compiled is an outline of them (see ``outline``); only a component whose outline is refused is
compiled whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import InvalidModuleError
from wasmrun_py.wasm.engine import Validator
from wasmrun_py.wasm.header import explain_unknown, find_kind
from wasmrun_py.wasm.module_info import ModuleKind
from wasmrun_py.wasm.reader import MalformedModuleError, describe_offset

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.wasm.reader import ModuleBytes

# The forms in which wasmtime says where, each with the number's base.
_PLACES = (
    (re.compile(r"\s*\(at offset 0x([0-9a-f]+)\)"), 16),
    (re.compile(r"Invalid input WebAssembly code at offset ([0-9]+):\s*"), 10),
    (re.compile(r"section range ([0-9]+)\.\."), 10),
)
_LEVEL = re.compile(r"^\s*[0-9]+:\s")
# Compiling says this of components that have passed validation and that wasmtime cannot run as yet. The
# validator's own complaints, about proposals that are switched off too, always carry an offset.
_UNIMPLEMENTED = re.compile(r"\b(?:not (?:yet )?|un)implemented\b")
# What wasmtime says without saying in what; our walker names the section.
_VAGUE = ("unexpected end", "section range ", "section out of order", "malformed section id")


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationProblem:
    """One thing that makes a file invalid.

    Attributes:
        offset: Where, in bytes from the start of the file; None where wasmtime does not tell, which can
            only be in a component.
        message: What is wrong, without the place.
    """

    offset: int | None
    message: str

    def describe(self) -> str:
        """Give message and place in one line."""
        return self.message if self.offset is None else f"{self.message} {describe_offset(self.offset)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What validation found.

    Attributes:
        kind: Module or component by the header; ``UNKNOWN`` for anything else, which is never valid.
        valid: Whether it is valid WebAssembly.
        errors: Why not; empty when valid. wasmtime stops at the first problem.
        hint: What the file looks like instead or what to do; often empty.
    """

    kind: ModuleKind
    valid: bool
    errors: tuple[ValidationProblem, ...] = ()
    hint: str = ""

    def to_error(self, path: Path) -> InvalidModuleError:
        """The error for a file with this verdict: it names the file, the problem and the byte."""
        problems = "; ".join(problem.describe() for problem in self.errors)
        return InvalidModuleError(f"{path} is not valid WebAssembly: {problems}", hint=self.hint)


def verify_module(data: ModuleBytes) -> Verdict:
    """Validate a core module or a component, with every proposal wasmtime supports allowed.

    Never raises for what the bytes are.
    """
    kind = find_kind(data)
    if kind is ModuleKind.UNKNOWN:
        unknown = explain_unknown(data)
        problem = ValidationProblem(offset=unknown.offset, message=unknown.problem)
        return Verdict(kind=kind, valid=False, errors=(problem,), hint=unknown.hint)
    content = data if isinstance(data, bytes) else bytes(data)
    find_problem = _find_module_problem if kind is ModuleKind.MODULE else _find_component_problem
    found = find_problem(content)
    return Verdict(kind=kind, valid=found is None, errors=() if found is None else (found,))


def require_valid_module(data: ModuleBytes, path: Path) -> None:
    """Insist that the contents of ``path`` are valid WebAssembly.

    Raises:
        InvalidModuleError: They are not; the message names the file, the problem and the byte.
    """
    verdict = verify_module(data)
    if not verdict.valid:
        raise verdict.to_error(path)


def _find_module_problem(data: bytes) -> ValidationProblem | None:
    fault = Validator().find_module_fault(data)
    return None if fault is None else _locate(parse_fault(fault), data)


def _find_component_problem(data: bytes) -> ValidationProblem | None:
    from wasmrun_py.wasm.component import find_core_modules  # noqa: PLC0415 - only components need it
    from wasmrun_py.wasm.outline import outline_component  # noqa: PLC0415 - as above

    validator = Validator()
    try:
        modules = list(find_core_modules(data))
    except MalformedModuleError:
        # wasmtime will say the same, or know better.
        return _find_whole_component_problem(validator, data)
    for module in modules:
        fault = validator.find_module_fault(data[module.offset : module.offset + module.size_bytes])
        if fault is not None:
            problem = parse_fault(fault)
            # A core module's own offsets count from its own header.
            offset = module.offset + (problem.offset or 0)
            return _locate(ValidationProblem(offset=offset, message=problem.message), data)
    try:
        outline = outline_component(data, modules)
    except MalformedModuleError:
        return _find_whole_component_problem(validator, data)
    if validator.find_component_fault(bytes(outline)) is None:
        return None
    return _find_whole_component_problem(validator, data)


def _find_whole_component_problem(validator: Validator, data: bytes) -> ValidationProblem | None:
    fault = validator.find_component_fault(data)
    if fault is None:
        return None
    problem = parse_fault(fault)
    if problem.offset is None and _UNIMPLEMENTED.search(problem.message):
        return None
    return _locate(problem, data)


def _locate(problem: ValidationProblem, data: bytes) -> ValidationProblem:
    """Ask our own walker where the structure breaks when wasmtime does not say, or not in what."""
    if problem.offset is not None and not problem.message.startswith(_VAGUE):
        return problem
    from wasmrun_py.wasm.inspect import inspect_module  # noqa: PLC0415 - only faulty files need it

    try:
        inspect_module(data)
    except MalformedModuleError as error:
        return ValidationProblem(offset=error.offset, message=error.problem)
    return problem


def parse_fault(fault: str) -> ValidationProblem:
    """Find the message and the offset in wasmtime's words.

    wasmtime wraps its validator's sentence in context (``failed to compile: wasm[0]::function[1]``, a
    ``Caused by:`` list); the innermost sentence is the one that says what is wrong.
    """
    offset = None
    for place, base in _PLACES:
        if match := place.search(fault):
            offset = int(match[1], base)
            break
    context, _, causes = fault.partition("Caused by:")
    innermost = [line for line in causes.splitlines() if line.strip()][-1:] or [context]
    message = _LEVEL.sub("", innermost[0])
    for place, _base in _PLACES[:2]:
        message = place.sub("", message)
    return ValidationProblem(offset=offset, message=" ".join(message.split()))
