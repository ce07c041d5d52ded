"""The component's entry: built by wasmrun, imported once at build time, run at run time."""

import sys

_STARTUP = frozenset(sys.modules)

import componentize_py_types
import wit_world
from wit_world import exports

import wasmrun_guest as guest
import wasmrun_sources as sources

_LIBRARY = "/python"
_program = guest.ModuleStore(
    {
        name: guest.StoredModule(filename, source, is_package=is_package, effort=sources.EFFORT)
        for name, (filename, source, is_package) in sources.MODULES.items()
    },
    namespaces=frozenset(sources.NAMESPACES),
)
_wanted = {*sources.WANTED, *guest.ALWAYS}
if sources.WHOLE_LIBRARY:
    _wanted |= guest.list_library(_LIBRARY) - {*sources.NEVER}
_library = guest.ModuleStore(guest.load_library(_LIBRARY, _wanted, effort=sources.EFFORT))
_left_out = guest.list_library(_LIBRARY) - _library.modules.keys()
sources.MODULES.clear()

# Compiled now rather than at every start; a file that does not compile says so when it is imported.
for _stored in [*_program.modules.values(), *(_library.modules[n] for n in sources.WANTED if n in _library.modules)]:
    try:
        _stored.get_code()
    except (SyntaxError, ValueError):
        pass

_place = next(i for i, finder in enumerate(sys.meta_path) if getattr(finder, "__name__", "") == "PathFinder")
sys.meta_path[_place:_place] = [_program, _library]
sys.meta_path.append(guest.MissingModules(_left_out))
_status = 0


class Run(exports.Run):
    def run(self):
        global _status
        for name in _program.modules:
            if "." not in name and name not in _STARTUP:
                sys.modules.pop(name, None)
        sys.path[:] = [entry for entry in sys.path if entry not in ("/0", "/1", "/world", "/bundled")]
        _status = guest.run_program(_program, sources.MAIN, as_module=sources.AS_MODULE)
        if _status:
            raise componentize_py_types.Err(None)


class Status(exports.Status):
    def exit_code(self):
        return _status
