"""The first eight bytes of a file: module, component, or what it is instead.

Core spec §5.5.16 (magic and version) and component-model Binary.md (the layer field). Looks at the
beginning of the file only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.wasm.module_info import ModuleKind
from wasmrun_py.wasm.reader import MalformedModuleError

if TYPE_CHECKING:
    from wasmrun_py.wasm.reader import ModuleBytes

MAGIC = b"\0asm"
HEADER_BYTES = 8
MODULE_HEADER = MAGIC + b"\1\0\0\0"
COMPONENT_HEADER = MAGIC + b"\x0d\0\1\0"

_LOOK_BYTES = 512
_SHOWN_BYTES = 8

_SIGNATURES = (
    (b"\x7fELF", "this is a native ELF file; compile for a wasm32 target"),
    (b"MZ", "this is a Windows executable; compile for a wasm32 target"),
    (b"\xcf\xfa\xed\xfe", "this is a native Mach-O file; compile for a wasm32 target"),
    (b"\xce\xfa\xed\xfe", "this is a native Mach-O file; compile for a wasm32 target"),
    (b"\xca\xfe\xba\xbe", "this is a Mach-O universal binary or a Java class file, not wasm"),
    (b"!<arch>\n", "this is an archive of object files; link it into a module first"),
    (b"!<thin>\n", "this is an archive of object files; link it into a module first"),
    (b"BC\xc0\xde", "this is LLVM bitcode; compile and link it into a module first"),
    (b"\x1f\x8b", "this is gzip-compressed; decompress it first"),
    (b"PK\x03\x04", "this is a zip archive; unpack it first"),
)
_TEXT_OPENINGS = (
    (("(module", "(component"), "this is WebAssembly text; turn it into a binary with wat2wasm"),
    (("<!doctype", "<html", "<head", "<body"), "this is an HTML page, perhaps an error page saved as .wasm"),
    (("{", "["), "this looks like JSON, not wasm"),
    (
        (
            "import ",
            "export ",
            "var ",
            "let ",
            "const ",
            "function",
            "(function",
            "async ",
            "'use strict",
            '"use',
        ),
        "this looks like JavaScript; name the .wasm file beside it",
    ),
    (("//", "/*"), "this looks like source code; name the .wasm file instead"),
    (("#!",), "this is a script; name the .wasm file instead"),
    (("version https://git-lfs",), "this is a Git LFS pointer; run: git lfs pull"),
)


def find_kind(data: ModuleBytes) -> ModuleKind:
    """Tell the binary format from the header alone; ``UNKNOWN`` when it is neither."""
    head = bytes(data[:HEADER_BYTES])
    if head == MODULE_HEADER:
        return ModuleKind.MODULE
    if head == COMPONENT_HEADER:
        return ModuleKind.COMPONENT
    return ModuleKind.UNKNOWN


def get_kind(data: ModuleBytes) -> ModuleKind:
    """Tell the binary format from the header.

    Raises:
        MalformedModuleError: It is neither a module nor a component; the hint says what it looks like.
    """
    kind = find_kind(data)
    if kind is ModuleKind.UNKNOWN:
        raise explain_unknown(data)
    return kind


def explain_unknown(data: ModuleBytes) -> MalformedModuleError:
    """Build the error for bytes that ``find_kind`` does not know."""
    head = bytes(data[:_LOOK_BYTES])
    if not head:
        return MalformedModuleError("not WebAssembly: the file is empty", offset=0, hint="build it again")
    magic = head[: len(MAGIC)]
    if not MAGIC.startswith(magic):
        shown = " ".join(f"{byte:02x}" for byte in head[:_SHOWN_BYTES])
        return MalformedModuleError(
            f"not WebAssembly: the file starts with {shown}, not 00 61 73 6d", offset=0, hint=_recognise(head)
        )
    if len(head) < HEADER_BYTES:
        return MalformedModuleError(
            f"not WebAssembly: the file ends inside its {HEADER_BYTES}-byte header",
            offset=len(head),
            hint="the file was cut off; build or download it again",
        )
    version = int.from_bytes(head[4:6], "little")
    layer = int.from_bytes(head[6:8], "little")
    return MalformedModuleError(
        f"unknown WebAssembly version {version}, layer {layer}",
        offset=len(MAGIC),
        hint="known are version 1 of modules (layer 0) and version 13 of components (layer 1)",
    )


def _recognise(head: bytes) -> str:
    for signature, hint in _SIGNATURES:
        if head.startswith(signature):
            return hint
    text = _strip_wat_comments(head.decode("utf-8", "replace").removeprefix("\ufeff").lstrip()).lower()
    for openings, hint in _TEXT_OPENINGS:
        if text.startswith(openings):
            return hint
    return ""


def _strip_wat_comments(text: str) -> str:
    while text.startswith(";;"):
        text = text.partition("\n")[2].lstrip()
    return text
