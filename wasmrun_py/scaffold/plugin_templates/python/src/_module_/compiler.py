"""{{language}} programs become WebAssembly: a line ``NAME = NUMBER`` is an exported function.

This is where your compiler goes; a real one would run its toolchain.
"""

from __future__ import annotations

import re

LINE = re.compile(r"(?P<name>[A-Za-z_]\w*)\s*=\s*(?P<number>-?\d+)")
I32_CONST, END, I32 = 0x41, 0x0B, 0x7F


class SourceError(Exception):
    """A line that is no {{language}}.

    Attributes:
        line: 1-based.
        column: 1-based.
    """

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


def compile_source(text: str, *, debug: bool) -> bytes:
    """A module with one function a line; with ``debug`` it keeps the functions' names."""
    functions = parse(text)
    type_of_all = bytes([0x60, 0, 1, I32])
    exports = [string(name) + bytes([0]) + unsigned(n) for n, (name, _) in enumerate(functions)]
    bodies = [bytes([0, I32_CONST]) + signed(number) + bytes([END]) for _, number in functions]
    module = b"\0asm\1\0\0\0"
    module += section(1, vector([type_of_all]))
    module += section(3, vector([unsigned(0) for _ in functions]))
    module += section(7, vector(exports))
    module += section(10, vector([unsigned(len(body)) + body for body in bodies]))
    if debug:
        names = vector([unsigned(n) + string(name) for n, (name, _) in enumerate(functions)])
        module += section(0, string("name") + section(1, names))
    return module


def parse(text: str) -> list[tuple[str, int]]:
    """(name, number) of each line; raises SourceError at the first that is none."""
    functions: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        code = line.partition("#")[0].strip()
        if not code:
            continue
        column = len(line) - len(line.lstrip()) + 1
        match = LINE.fullmatch(code)
        if match is None:
            raise SourceError("expected NAME = NUMBER", number, column)
        if not -(2**31) <= int(match["number"]) < 2**31:
            raise SourceError("the number does not fit 32 bits", number, column)
        if match["name"] in functions:
            raise SourceError(f"{match['name']} is there already", number, column)
        functions[match["name"]] = int(match["number"])
    if not functions:
        raise SourceError("the program is empty", 1, 1)
    return list(functions.items())


def section(number: int, content: bytes) -> bytes:
    return bytes([number]) + unsigned(len(content)) + content


def vector(items: list[bytes]) -> bytes:
    return unsigned(len(items)) + b"".join(items)


def string(text: str) -> bytes:
    return unsigned(len(text.encode())) + text.encode()


def unsigned(value: int) -> bytes:
    """LEB128."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + unsigned(rest) if rest else bytes([low])


def signed(value: int) -> bytes:
    """Signed LEB128."""
    low, rest = value & 0x7F, value >> 7
    done = (rest == 0 and not low & 0x40) or (rest == -1 and low & 0x40)
    return bytes([low]) if done else bytes([low | 0x80]) + signed(rest)
