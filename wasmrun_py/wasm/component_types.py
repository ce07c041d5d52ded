"""Component types, read and put into words like those of WIT.

component-model Binary.md, "Type Definitions". A type's words are made when it is defined, from the words of
the types it refers to, and never grow past a limit: types that double each other a hundred times over cost no
more than others. Index spaces are ``component_scope``'s; whether a type may stand where it stands is for the
validator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from wasmrun_py.wasm.reader import Reader

FUNC, VALUE, TYPE, COMPONENT, INSTANCE, CORE_MODULE = (
    "func", "value", "type", "component", "instance", "core module"
)  # fmt: skip

_PRIMITIVES = {
    0x7F: "bool", 0x7E: "s8", 0x7D: "u8", 0x7C: "s16", 0x7B: "u16", 0x7A: "s32", 0x79: "u32", 0x78: "s64",
    0x77: "u64", 0x76: "f32", 0x75: "f64", 0x74: "char", 0x73: "string", 0x64: "error-context",
}  # fmt: skip
_SYNC_FUNC, _ASYNC_FUNC = 0x40, 0x43
_RECORD, _VARIANT, _LIST, _TUPLE, _FLAGS, _ENUM = 0x72, 0x71, 0x70, 0x6F, 0x6E, 0x6D
_OPTION, _RESULT, _OWN, _BORROW = 0x6B, 0x6A, 0x69, 0x68
_SIZED_LIST, _STREAM, _FUTURE, _MAP = 0x67, 0x66, 0x65, 0x63

# Words are for reading: no type, whatever it refers to, takes more than about this much.
_MOST_CHARACTERS = 1000
_UNKNOWN = "?"


class TypeDef:
    """One entry of a type index space.

    Args:
        words: The type in words; empty for instances and components.
        name: What it was imported or exported as; empty for one that has no name.
        members: What an instance, or an instance of a component, exports; None for any other type.
    """

    __slots__ = ("_members", "_words", "name")

    def __init__(
        self, words: str = "", *, name: str = "", members: Mapping[str, Extern] | None = None
    ) -> None:
        self.name = name
        self._words = words
        self._members = members

    @property
    def members(self) -> Mapping[str, Extern] | None:
        """What an instance of it exports; None for what has no instances."""
        return self._members

    @property
    def words(self) -> str:
        """The type in words; of an instance or component ``of 3 functions, 1 type``."""
        if not self._words and self.members is not None:
            # Once, however many exports share it.
            self._words = describe_members(self.members)
        return self._words

    def named(self, name: str) -> TypeDef:
        """The same type under a name, by which others refer to it."""
        return TypeDef(self._words, name=name, members=self._members)

    @property
    def reference(self) -> str:
        """How another type's words mention it."""
        return self.name or self.words


class Extern(NamedTuple):
    """Something that is imported, exported or aliased.

    Attributes:
        kind: ``func``, ``value``, ``type``, ``component``, ``instance`` or ``core module``.
        type: Its type, or None when it is not known.
    """

    kind: str
    type: TypeDef | None = None

    @property
    def words(self) -> str:
        """Its type in words; the kind where nothing more is known."""
        if self.type is None:
            return self.kind
        return self.type.words if self.type.members is None else f"{self.kind} {self.type.words}"


RESOURCE = TypeDef("resource")


def describe_members(members: Mapping[str, Extern]) -> str:
    """``of 3 functions, 1 type``: what is in it, in short."""
    counts: dict[str, int] = {}
    for member in members.values():
        counts[member.kind] = counts.get(member.kind, 0) + 1
    words = {FUNC: "function", CORE_MODULE: "core module"}
    parts = [
        f"{count} {words.get(each, each)}{'s' if count > 1 else ''}" for each, count in sorted(counts.items())
    ]
    return f"of {', '.join(parts)}" if parts else "of nothing"


class TypeReader:
    """Reads value and function types that refer to a type index space.

    Args:
        types: The index space; it may grow between calls.
    """

    __slots__ = ("_types",)

    def __init__(self, types: Sequence[TypeDef | None]) -> None:
        self._types = types

    def read_definition(self, reader: Reader, code: int) -> TypeDef:
        """Read a value or function type after its first byte ``code``."""
        if code in _PRIMITIVES:
            return TypeDef(_PRIMITIVES[code])
        if code in (_SYNC_FUNC, _ASYNC_FUNC):
            return TypeDef(("async " if code == _ASYNC_FUNC else "") + self._read_function(reader))
        read = _DEFINITIONS.get(code)
        if read is None:
            reader.fail(f"unknown component type 0x{code:02x}", at=reader.offset - 1)
        return TypeDef(read(self, reader))

    def read_value_type(self, reader: Reader) -> str:
        """Read a type index or a primitive type."""
        code = reader.peek("value type")
        if code in _PRIMITIVES:
            reader.offset += 1
            return _PRIMITIVES[code]
        start = reader.offset
        index = reader.signed(33, "value type")
        if not 0 <= index < len(self._types):
            reader.fail(f"value type {index} does not exist, there are {len(self._types)}", at=start)
        found = self._types[index]
        return _UNKNOWN if found is None else found.reference

    def read_results(self, reader: Reader) -> str:
        """Read a result list: `` -> TYPE``, or nothing."""
        form = reader.byte("result list")
        if form == 0:
            return f" -> {self.read_value_type(reader)}"
        if form != 1:
            reader.fail(f"unknown form 0x{form:02x} of a result list", at=reader.offset - 1)
        named = _join(self._read_labelled(reader, "results"))
        return f" -> ({named})" if named else ""

    def _read_function(self, reader: Reader) -> str:
        params = _join(self._read_labelled(reader, "parameters"))
        return f"func({params}){self.read_results(reader)}"

    def _read_labelled(self, reader: Reader, what: str) -> Iterator[str]:
        for _ in range(reader.count(what, item_bytes=2)):
            label = reader.name(what)
            yield f"{label}: {self.read_value_type(reader)}"

    def _read_record(self, reader: Reader) -> str:
        return f"record {{ {_join(self._read_labelled(reader, 'fields'))} }}"

    def _read_variant(self, reader: Reader) -> str:
        return f"variant {{ {_join(self._read_cases(reader))} }}"

    def _read_cases(self, reader: Reader) -> Iterator[str]:
        for _ in range(reader.count("cases", item_bytes=3)):
            label = reader.name("case")
            payload = self._read_optional(reader)
            if reader.byte("refinement"):
                reader.u32("refined case")
            yield f"{label}({payload})" if payload else label

    def _read_optional(self, reader: Reader) -> str:
        """A type that may be left out; empty when it is."""
        present = reader.byte("optional type")
        if present > 1:
            reader.fail(f"unknown form 0x{present:02x} of an optional type", at=reader.offset - 1)
        return self.read_value_type(reader) if present else ""

    def _read_list(self, reader: Reader) -> str:
        return f"list<{self.read_value_type(reader)}>"

    def _read_sized_list(self, reader: Reader) -> str:
        item = self.read_value_type(reader)
        return f"list<{item}, {reader.u32('length of a list')}>"

    def _read_map(self, reader: Reader) -> str:
        key = self.read_value_type(reader)
        return f"map<{key}, {self.read_value_type(reader)}>"

    def _read_tuple(self, reader: Reader) -> str:
        count = reader.count("elements")
        return f"tuple<{_join(self.read_value_type(reader) for _ in range(count))}>"

    def _read_flags(self, reader: Reader) -> str:
        return f"flags {{ {_join(_read_names(reader, 'flags'))} }}"

    def _read_enum(self, reader: Reader) -> str:
        return f"enum {{ {_join(_read_names(reader, 'cases'))} }}"

    def _read_option(self, reader: Reader) -> str:
        return f"option<{self.read_value_type(reader)}>"

    def _read_result(self, reader: Reader) -> str:
        ok = self._read_optional(reader)
        error = self._read_optional(reader)
        if not error:
            return f"result<{ok}>" if ok else "result"
        return f"result<{ok or '_'}, {error}>"

    def _read_own(self, reader: Reader) -> str:
        return self._read_resource(reader) or "own"

    def _read_borrow(self, reader: Reader) -> str:
        return f"borrow<{self._read_resource(reader)}>"

    def _read_resource(self, reader: Reader) -> str:
        start = reader.offset
        index = reader.u32("resource type")
        if index >= len(self._types):
            reader.fail(f"resource type {index} does not exist, there are {len(self._types)}", at=start)
        found = self._types[index]
        return _UNKNOWN if found is None else found.reference

    def _read_stream(self, reader: Reader) -> str:
        item = self._read_optional(reader)
        return f"stream<{item}>" if item else "stream"

    def _read_future(self, reader: Reader) -> str:
        item = self._read_optional(reader)
        return f"future<{item}>" if item else "future"

    _BY_CODE: Mapping[int, Callable[[TypeReader, Reader], str]] = {
        _RECORD: _read_record,
        _VARIANT: _read_variant,
        _LIST: _read_list,
        _TUPLE: _read_tuple,
        _FLAGS: _read_flags,
        _ENUM: _read_enum,
        _OPTION: _read_option,
        _RESULT: _read_result,
        _OWN: _read_own,
        _BORROW: _read_borrow,
        _SIZED_LIST: _read_sized_list,
        _STREAM: _read_stream,
        _FUTURE: _read_future,
        _MAP: _read_map,
    }


_DEFINITIONS = TypeReader._BY_CODE  # noqa: SLF001 - the table belongs beside the methods it names


def _read_names(reader: Reader, what: str) -> Iterator[str]:
    for _ in range(reader.count(what)):
        yield reader.name(what)


def _join(parts: Iterator[str]) -> str:
    """Join with commas; every part is read, and those past the limit are counted instead of shown."""
    shown: list[str] = []
    length = hidden = 0
    for part in parts:
        if length > _MOST_CHARACTERS:
            hidden += 1
            continue
        length += len(part)
        shown.append(part if len(part) <= _MOST_CHARACTERS else part[:_MOST_CHARACTERS] + "…")
    return ", ".join(shown) + (f", … {hidden} more" if hidden else "")
