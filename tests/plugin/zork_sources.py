"""The text of the test plugins for "zork", a language whose programs are one number.

They share nothing with wasmrun: a plugin need not depend on it. ``material`` fills the ``@NAME@`` places
in and lays the files out.
"""

from __future__ import annotations

from typing import Final

COMPILER: Final = '''\
"""Compiles a number into a module that prints it and exports ``answer``."""

import re
from pathlib import Path

VERSION = "@VERSION@"
MARKER = "@MARKER@"
ENTRY_FILE = "@ENTRY_FILE@"


class ZorkError(Exception):
    """The project cannot be built."""

    def __init__(self, message):
        super().__init__(message)
        self.message = message


def read_number(project):
    """The number that the project's entry file holds."""
    entry = Path(project) / ENTRY_FILE
    if not entry.is_file():
        raise ZorkError(f"{ENTRY_FILE} is not there")
    text = entry.read_text(encoding="utf-8").strip()
    if ENTRY_FILE != "main.zork":
        found = re.search(r"\\d+", text)
        return int(found[0]) if found else 0
    if not re.fullmatch(r"-?\\d{1,9}", text):
        raise ZorkError(f"{ENTRY_FILE}:1:1: error: not a number: {text[:40]}")
    return int(text)


def compile_project(project, output, target="wasm"):
    """Write the module; its path."""
    number = read_number(project)
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    path = output / "main.wasm"
    path.write_bytes(module(number))
    return path


def module(number):
    """A WASI module: ``answer`` returns the number, ``_start`` prints it."""
    text = f"{number}\\n".encode()
    memory = (16).to_bytes(4, "little") + len(text).to_bytes(4, "little") + bytes(8) + text
    types = b"\\x03" + b"\\x60\\0\\x01\\x7f" + b"\\x60\\0\\0" + b"\\x60\\x04\\x7f\\x7f\\x7f\\x7f\\x01\\x7f"
    imports = b"\\x01" + name("wasi_snapshot_preview1") + name("fd_write") + b"\\0\\x02"
    exports = b"\\x03" + name("memory") + b"\\x02\\0" + name("answer") + b"\\0\\x01"
    exports += name("_start") + b"\\0\\x02"
    answer = b"\\0\\x41" + signed(number) + b"\\x0b"
    start = b"\\0\\x41\\x01\\x41\\0\\x41\\x01\\x41\\x08\\x10\\0\\x1a\\x0b"
    code = b"\\x02" + sized(answer) + sized(start)
    data = b"\\x01\\0\\x41\\0\\x0b" + sized(memory)
    return b"".join(
        [
            b"\\0asm\\x01\\0\\0\\0",
            b"\\x01" + sized(types),
            b"\\x02" + sized(imports),
            b"\\x03" + sized(b"\\x02\\0\\x01"),
            b"\\x05" + sized(b"\\x01\\0\\x01"),
            b"\\x07" + sized(exports),
            b"\\x0a" + sized(code),
            b"\\x0b" + sized(data),
            b"\\0" + sized(name("zork") + f"{VERSION} {MARKER}".encode()),
        ]
    )


def signed(number):
    """Signed LEB128."""
    out = bytearray()
    while True:
        byte, number = number & 0x7F, number >> 7
        if (number == 0 and not byte & 0x40) or (number == -1 and byte & 0x40):
            return bytes(out) + bytes([byte])
        out.append(byte | 0x80)


def unsigned(number):
    """Unsigned LEB128."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def sized(data):
    """Bytes behind their length."""
    return unsigned(len(data)) + data


def name(text):
    """A name behind its length."""
    return sized(text.encode())
'''

PLUGIN: Final = '''\
"""The plugin object that the entry point names."""

from pathlib import Path
from types import SimpleNamespace

from @PACKAGE@.compiler import ENTRY_FILE, VERSION, compile_project, read_number


class ZorkBuilder:
    language_name = "@LANGUAGE@"
    entry_file_candidates = (ENTRY_FILE,)
    supported_extensions = ("@EXTENSION@",)

    def check_dependencies(self):
        return ()

    def validate_project(self, project_path):
        read_number(project_path)

    def build(self, config, reporter):
        wasm_path = compile_project(config.project_path, config.output_dir, config.target)
        return SimpleNamespace(
            wasm_path=wasm_path,
            js_path=None,
            additional_files=(),
            is_wasm_bindgen=False,
            toolchain=SimpleNamespace(name="zorkc", version=VERSION),
            warnings=(),
            diagnostics=(),
        )

    def clean(self, project_path):
        return ()


class ZorkPlugin:
    info = SimpleNamespace(
        name="@NAME@",
        version=VERSION,
        description="Builds @LANGUAGE@ for the tests.",
        author="The tests",
        extensions=("@EXTENSION@",),
        entry_files=(ENTRY_FILE,),
        capabilities=SimpleNamespace(
            compile_wasm=True,
            compile_webapp=False,
            live_reload=True,
            optimization=True,
            custom_targets=(),
            supported_languages=("@LANGUAGE@",),
        ),
        toolchains=("zorkc",),
    )

    def can_handle_project(self, project_path):
        if (Path(project_path) / ENTRY_FILE).is_file():
            return SimpleNamespace(confidence=80, reason=f"{ENTRY_FILE} is there", kind="entry-file")
        return SimpleNamespace(reason=f"no {ENTRY_FILE} is there")

    def get_builder(self):
        return ZorkBuilder()


plugin = ZorkPlugin()
'''

PROGRAM: Final = '''\
"""The plugin's program."""

import argparse
import sys
from pathlib import Path

from @PACKAGE@.compiler import ENTRY_FILE, VERSION, ZorkError, compile_project


def main():
    parser = argparse.ArgumentParser(prog="@COMMAND@")
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("compile")
    build.add_argument("-p", "--project", required=True)
    build.add_argument("-o", "--output", required=True)
    build.add_argument("--optimization", default="release", choices=["debug", "release", "size"])
    build.add_argument("--target", default="wasm")
    build.add_argument("-v", "--verbose", action="store_true")
    for name in ("can-handle", "clean"):
        commands.add_parser(name).add_argument("project")
    commands.add_parser("check-deps")
    commands.add_parser("info")
    return answer(parser.parse_args())


def answer(args):
    if args.command == "can-handle":
        found = (Path(args.project) / ENTRY_FILE).is_file()
        print(f"{ENTRY_FILE} is there" if found else f"no {ENTRY_FILE} is there")
        return 0 if found else 1
    if args.command == "info":
        print("name: @NAME@")
        print(f"version: {VERSION}")
    if args.command == "check-deps":
        print("All dependencies are available")
    if args.command == "compile":
        try:
            path = compile_project(args.project, args.output, args.target)
        except ZorkError as error:
            print(error.message, file=sys.stderr)
            return 1
        if args.verbose:
            print(f"zorkc {VERSION}: {args.optimization}, {args.target}")
        print(f"WASM file: {path}")
    return 0
'''

BACKEND: Final = '''\
"""A build backend that needs nothing: it zips the package (PEP 517, PEP 660)."""

import base64
import hashlib
import zipfile
from pathlib import Path

NAME, VERSION, PACKAGE = "@WHEEL_NAME@", "@VERSION@", "@PACKAGE@"
INFO = f"{NAME}-{VERSION}.dist-info"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    paths = [path for path in sorted(Path(PACKAGE).rglob("*")) if path.is_file()]
    files = {path.as_posix(): path.read_bytes() for path in paths if "__pycache__" not in path.parts}
    return write(wheel_directory, files)


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    return write(wheel_directory, {f"{PACKAGE}.pth": f"{Path.cwd()}\\n".encode()})


def build_sdist(sdist_directory, config_settings=None):
    raise NotImplementedError


def write(folder, files):
    files = dict(files)
    files[f"{INFO}/METADATA"] = Path("METADATA").read_bytes()
    files[f"{INFO}/entry_points.txt"] = Path("entry_points.txt").read_bytes()
    wheel = "Wheel-Version: 1.0\\nGenerator: zork\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files[f"{INFO}/WHEEL"] = wheel.encode()
    lines = []
    name = f"{NAME}-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(Path(folder) / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            lines.append(f"{path},sha256={digest},{len(data)}")
            archive.writestr(zipfile.ZipInfo(path), data, zipfile.ZIP_DEFLATED)
        lines.append(f"{INFO}/RECORD,,")
        archive.writestr(zipfile.ZipInfo(f"{INFO}/RECORD"), "\\n".join(lines) + "\\n")
    return name
'''

CRATE_PROGRAM: Final = r"""//! The plugin's program, as PROGRAM is it in Python.
use std::path::{Path, PathBuf};
use std::process::exit;

const VERSION: &str = "@VERSION@";
const MARKER: &str = "@MARKER@";
const ENTRY_FILE: &str = "@ENTRY_FILE@";
const HELP: &str = "usage: @COMMAND@ <compile|can-handle|check-deps|clean|info> [OPTIONS]
  compile -p <PROJECT> -o <OUTPUT> [--optimization <LEVEL>] [--target <TARGET>] [-v]";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let word = args.first().map(String::as_str).unwrap_or("");
    if args.iter().any(|arg| arg == "--help") {
        println!("{HELP}");
        return;
    }
    match word {
        "compile" => compile(&args[1..]),
        "can-handle" => {
            let found = Path::new(&args[1]).join(ENTRY_FILE).is_file();
            println!("{} {ENTRY_FILE}", if found { "found" } else { "no" });
            exit(if found { 0 } else { 1 });
        }
        "check-deps" => println!("All dependencies are available"),
        "clean" => {}
        "info" => println!("name: @NAME@\nversion: {VERSION}"),
        other => {
            eprintln!("error: unknown command {other:?}");
            exit(2);
        }
    }
}

fn option(args: &[String], name: &str) -> Option<String> {
    args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1)).cloned()
}

fn compile(args: &[String]) {
    let (Some(project), Some(output)) = (option(args, "-p"), option(args, "-o")) else {
        eprintln!("error: compile needs -p and -o");
        exit(2);
    };
    let text = match std::fs::read_to_string(Path::new(&project).join(ENTRY_FILE)) {
        Ok(text) => text,
        Err(_) => fail(&format!("{ENTRY_FILE} is not there")),
    };
    let text = text.trim();
    let number: i64 = match text.parse() {
        Ok(number) => number,
        Err(_) if ENTRY_FILE != "main.zork" => 0,
        Err(_) => fail(&format!("{ENTRY_FILE}:1:1: error: not a number: {text}")),
    };
    let path = PathBuf::from(output).join("main.wasm");
    if std::fs::write(&path, module(number)).is_err() {
        fail("the output folder cannot be written");
    }
    println!("WASM file: {}", path.display());
}

fn fail(message: &str) -> ! {
    eprintln!("{message}");
    exit(1);
}

fn module(number: i64) -> Vec<u8> {
    let text = format!("{number}\n").into_bytes();
    let mut memory = vec![16, 0, 0, 0, text.len() as u8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    memory.extend(&text);
    let mut out = b"\0asm\x01\0\0\0".to_vec();
    section(&mut out, 1, b"\x03\x60\0\x01\x7f\x60\0\0\x60\x04\x7f\x7f\x7f\x7f\x01\x7f");
    section(&mut out, 2, b"\x01\x16wasi_snapshot_preview1\x08fd_write\0\x02");
    section(&mut out, 3, b"\x02\0\x01");
    section(&mut out, 5, b"\x01\0\x01");
    section(&mut out, 7, b"\x03\x06memory\x02\0\x06answer\0\x01\x06_start\0\x02");
    let mut answer = vec![0, 0x41];
    signed(&mut answer, number);
    answer.push(0x0b);
    let mut code = vec![2, answer.len() as u8];
    code.extend(&answer);
    code.extend(b"\x0d\0\x41\x01\x41\0\x41\x01\x41\x08\x10\0\x1a\x0b");
    section(&mut out, 10, &code);
    let mut data = vec![1, 0, 0x41, 0, 0x0b, memory.len() as u8];
    data.extend(&memory);
    section(&mut out, 11, &data);
    let mut custom = b"\x04zork".to_vec();
    custom.extend(format!("{VERSION} {MARKER}").into_bytes());
    section(&mut out, 0, &custom);
    out
}

fn section(out: &mut Vec<u8>, id: u8, content: &[u8]) {
    out.push(id);
    out.push(content.len() as u8);
    out.extend(content);
}

fn signed(out: &mut Vec<u8>, mut number: i64) {
    loop {
        let byte = (number & 0x7f) as u8;
        number >>= 7;
        if (number == 0 && byte & 0x40 == 0) || (number == -1 && byte & 0x40 != 0) {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}
"""
