"""The {{name}} plugin for wasmrun: {{language}} projects become WebAssembly.

wasmrun loads ``plugin`` in this package's own environment. Nothing of wasmrun is imported: plain classes,
dicts and exceptions of the right names are enough. Its contract: docs/plugins.md of wasmrun.
"""

from __future__ import annotations

from {{module}}.compiler import SourceError, compile_source

ENTRY_FILE = "main.{{extension}}"


class BuildError(Exception):
    """The project cannot be built. wasmrun knows it by its name, and reads these attributes."""

    def __init__(self, message, *, hint="", diagnostics=(), output=""):
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.diagnostics = diagnostics
        self.output = output


class Plugin:
    """What wasmrun asks."""

    info = {"name": "{{name}}", "version": "0.1.0"}

    def can_handle_project(self, project_path):
        """Is this folder ours? Look at names and small files only."""
        if (project_path / ENTRY_FILE).is_file():
            return {"confidence": 95, "reason": f"{ENTRY_FILE} is there", "kind": "entry-file"}
        return {"reason": f"no {ENTRY_FILE}"}

    def get_builder(self):
        return Builder()


class Builder:
    """Builds {{language}} projects."""

    language_name = "{{language}}"
    entry_file_candidates = (ENTRY_FILE,)
    supported_extensions = ("{{extension}}",)

    def check_dependencies(self):
        """Names of the tools that are missing; this compiler needs none."""
        return ()

    def validate_project(self, project_path):
        if not (project_path / ENTRY_FILE).is_file():
            raise BuildError(f"{project_path.name} has no {ENTRY_FILE}")

    def build(self, config, reporter):
        """Build into ``config.output_dir``; write nowhere else but into ``config.work_dir``."""
        self.validate_project(config.project_path)
        entry = config.entry or config.project_path / ENTRY_FILE
        reporter.step_started(f"Compiling {config.project_path.name}")
        debug = config.debug_info or config.optimization_level == "debug"
        try:
            module = compile_source(entry.read_text(encoding="utf-8", errors="replace"), debug=debug)
        except SourceError as error:
            place = {
                "file": entry.relative_to(config.project_path).as_posix(),
                "line": error.line,
                "column": error.column,
                "severity": "error",
                "message": str(error),
                "source": "{{name}}",
            }
            raise BuildError(f"{config.project_path.name} has an error: {error}", diagnostics=[place]) from error
        finally:
            reporter.step_finished(f"Compiling {config.project_path.name}")
        wasm_path = config.output_dir / f"{config.name or 'main'}.wasm"
        wasm_path.write_bytes(module)
        return {"wasm_path": wasm_path, "toolchain": {"name": "{{name}}", "version": "0.1.0"}}

    def clean(self, project_path):
        """Nothing of ours lies outside the output folder."""
        return ()


plugin = Plugin()
