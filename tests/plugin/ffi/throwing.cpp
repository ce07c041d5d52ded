// A plugin in C++ that lets an exception out of can_handle.
#include <stdexcept>

#include "wasmrun_plugin.h"

static uint32_t can_handle(void *, wasmrun_str) { throw std::runtime_error("nobody catches this"); }
static wasmrun_build_result *build(void *, const wasmrun_build_config *) { return nullptr; }
static void free_result(void *, wasmrun_build_result *) {}

extern "C" uint32_t wasmrun_abi_version(void) { return WASMRUN_ABI_VERSION; }

extern "C" const wasmrun_plugin *wasmrun_plugin_entry(void) {
    static wasmrun_plugin table = {};
    table.struct_size = sizeof table;
    table.abi_version = WASMRUN_ABI_VERSION;
    table.can_handle = can_handle;
    table.build = build;
    table.free_result = free_result;
    return &table;
}
